"""Match alerts against silences, and validate silences. Pure.

Matchers follow Alertmanager's, with globs (`*`, `?`) where it has regular expressions: a hostile
expression can be made to run for ever.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from msgspec import Struct

from common.alerting.rules import RULE_NAME_PATTERN, SEVERITY_ORDER
from common.invalid_field import InvalidFieldError
from common.patterns import in_words
from common.slo.vocabulary import SERVICE_NAME_PATTERN

MAX_MATCHERS = 16
MAX_TEXT_LENGTH = 256
LONGEST_SILENCE = timedelta(days=366)
LABELS = ("alertname", "service", "severity", "tier", "team", "slo")
_KNOWN_VALUES = {"severity": tuple(SEVERITY_ORDER), "tier": ("1", "2", "3")}
_NAMES = {"service": SERVICE_NAME_PATTERN, "alertname": RULE_NAME_PATTERN}


class Matcher(Struct, frozen=True):
    """One condition on a label. With `is_glob` the value is a pattern; else it must be equal.

    `is_equal=False` negates the condition.
    """

    name: str
    value: str
    is_glob: bool = False
    is_equal: bool = True

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether the labels meet the condition; a label that is missing is empty."""
        found = labels.get(self.name, "")
        same = fnmatchcase(found, self.value) if self.is_glob else found == self.value
        return same is self.is_equal


def matches_all(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Return whether all matchers match an alert's labels."""
    return bool(matchers) and all(matcher.matches(labels) for matcher in matchers)


def can_match(matchers: Sequence[Matcher], values: Mapping[str, Collection[str]]) -> bool:
    """Return whether all matchers could match an alert whose labels have one of these values each.

    A label that is not there may have any value.
    """
    by_label: dict[str, list[Matcher]] = {}
    for matcher in matchers:
        by_label.setdefault(matcher.name, []).append(matcher)
    return all(
        any(all(m.matches({name: value}) for m in own) for value in values[name])
        for name, own in by_label.items()
        if name in values
    )


def check_silence(matchers: Sequence[Matcher], starts_at: datetime, ends_at: datetime) -> None:
    """Raise InvalidFieldError where a silence matches nothing or everything, or never ends."""
    if not 0 < len(matchers) <= MAX_MATCHERS:
        detail = f"must be 1 to {MAX_MATCHERS} matchers, such as service = checkout"
        raise InvalidFieldError("matchers", "wrong_number", detail)
    for number, matcher in enumerate(matchers):
        _check_matcher(f"matchers[{number}]", matcher)
    _check_contradictions(matchers)
    if all(m.matches(dict.fromkeys(LABELS, "")) for m in matchers):
        detail = "must not match the absence of everything; name at least one value"
        raise InvalidFieldError("matchers", "matches_everything", detail)
    if ends_at <= starts_at:
        raise InvalidFieldError("ends_at", "ends_first", "must be after `starts_at`")
    if ends_at - starts_at > LONGEST_SILENCE:
        detail = f"must be at most {LONGEST_SILENCE.days} days after `starts_at`"
        raise InvalidFieldError("ends_at", "too_long", detail)


def _check_matcher(where: str, matcher: Matcher) -> None:
    if matcher.name not in LABELS:
        detail = f"must be one of {', '.join(LABELS)}"
        raise InvalidFieldError(f"{where}.name", "unknown_label", detail)
    if len(matcher.value) > MAX_TEXT_LENGTH:
        detail = f"must be at most {MAX_TEXT_LENGTH} characters"
        raise InvalidFieldError(f"{where}.value", "too_long", detail)
    if matcher.is_glob and "[" in matcher.value:
        detail = "may hold `*` and `?`, but no brackets"
        raise InvalidFieldError(f"{where}.value", "invalid_glob", detail)
    known = _KNOWN_VALUES.get(matcher.name)
    if known is not None and not can_match([matcher], {matcher.name: known}):
        detail = f"must match one of {', '.join(known)}: there is no other {matcher.name}"
        raise InvalidFieldError(f"{where}.value", "matches_nothing", detail)
    pattern = _NAMES.get(matcher.name, "")
    exact = matcher.is_equal and not matcher.is_glob
    if exact and pattern and not re.fullmatch(pattern, matcher.value):
        detail = f"{in_words(pattern)}: nothing else is the name of a {matcher.name}"
        raise InvalidFieldError(f"{where}.value", "matches_nothing", detail)


def _check_contradictions(matchers: Sequence[Matcher]) -> None:
    """Refuse matchers of a label that no value of it meets all at once."""
    values = {
        m.name: _KNOWN_VALUES.get(m.name, (m.value,))
        for m in matchers
        if m.name in _KNOWN_VALUES or (m.is_equal and not m.is_glob)
    }
    for number, matcher in enumerate(matchers):
        own = [m for m in matchers[: number + 1] if m.name == matcher.name]
        if not can_match(own, values):
            detail = f"contradicts what is asked of {matcher.name} before: no alert has both"
            raise InvalidFieldError(f"matchers[{number}]", "matches_nothing", detail)
