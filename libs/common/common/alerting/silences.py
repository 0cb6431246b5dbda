"""Match alerts against silences, and validate silences. Pure.

Matchers follow Alertmanager's, with globs (`*`, `?`) where it has regular expressions: a hostile
expression can be made to run for ever.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from msgspec import Struct

from common.invalid_field import InvalidFieldError

MAX_MATCHERS = 16
MAX_TEXT_LENGTH = 256
LONGEST_SILENCE = timedelta(days=366)
LABELS = ("alertname", "service", "severity", "tier", "team", "slo")


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


def check_silence(matchers: Sequence[Matcher], starts_at: datetime, ends_at: datetime) -> None:
    """Raise InvalidFieldError where a silence matches nothing or everything, or never ends."""
    if not 0 < len(matchers) <= MAX_MATCHERS:
        detail = f"must be 1 to {MAX_MATCHERS} matchers, such as service = checkout"
        raise InvalidFieldError("matchers", "wrong_number", detail)
    for number, matcher in enumerate(matchers):
        _check_matcher(f"matchers[{number}]", matcher)
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
