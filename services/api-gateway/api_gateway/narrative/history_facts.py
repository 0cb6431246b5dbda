"""Facts of what happened to a service: errors that began, changes, alerts. Pure.

Nothing here says why: that a change came before the errors is all that the data carry.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from api_gateway.narrative.fact import Fact
from api_gateway.narrative.service_context import Onset, OpenEpisode, ServiceContext
from api_gateway.narrative.slo_wording import failing
from common.alerting.rules import Severity
from common.events import ChangeEvent
from common.slo import wording
from common.slo.windows import MINUTE

BEFORE_ONSET = timedelta(minutes=60)
AFTER_ONSET = timedelta(minutes=2)
"""An onset is found to the minute or two, so that a change may seem to come just after it."""

_ARTICLES = {
    "deploy": "a deploy",
    "rollback": "a rollback",
    "config": "a configuration change",
    "feature_flag": "a feature flag change",
    "infrastructure": "an infrastructure change",
}
_ALERTS: dict[Severity, str] = {"page": "a page", "ticket": "a ticket", "info": "an info alert"}
"""With their articles, most severe first."""

# what anybody may send is written only where it can be nothing but a version
_VERSION = re.compile(r"(?=[^0-9]*[0-9])v?[0-9A-Za-z][0-9A-Za-z.+_-]{0,39}")


def history_facts(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    """Give what happened to a service, as far as it matters at `now`."""
    yield from _onset(context, now)
    yield from _changes(context, now)
    yield from _alerts(context.episodes, now)


def suspect(context: ServiceContext) -> ChangeEvent | None:
    """Return the last change that came before the errors began, if one came close to it."""
    if context.onset is None:
        return None
    onset = context.onset.at
    near = [c for c in context.changes if -AFTER_ONSET <= onset - c.at <= BEFORE_ONSET]
    return max(near, key=lambda change: change.at, default=None)


def change_text(change: ChangeEvent) -> str:
    """Return a change with its article, and with its version where that is one."""
    article = _ARTICLES.get(change.kind, "a change")
    version = written_version(change)
    return f"{article} of {version}" if version else article


def written_version(change: ChangeEvent) -> str | None:
    """Return the change's version if it has the form of one."""
    return change.version if _VERSION.fullmatch(change.version) else None


def _onset(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    onset = context.onset
    if onset is None:
        return
    at = wording.instant(onset.at, now)
    ago = wording.duration((now - onset.at).total_seconds())
    text, span = f"errors began at about {at}, {ago} ago, and last until now", f"since {at}"
    if onset.ended_at is not None:
        end = wording.instant(onset.ended_at, now)
        text, span = f"errors began at about {at} and ended at about {end}", f"from {at} to {end}"
    yield Fact("onset", "Errors began", at, text)
    events = failing(context.state.worst, onset.bad)
    text = f"there {'was' if onset.bad == 1 else 'were'} {events} of {onset.total:,} {span}"
    yield Fact("since_onset", "Errors since they began", onset.bad, text, "requests")
    if onset.older is not None:
        yield _older_burn(context, onset.older, now)


def _older_burn(context: ServiceContext, older: Onset, now: datetime) -> Fact:
    """Return the fact of a slower burn, on top of which the errors of now came."""
    events = failing(context.state.worst, older.bad)
    since = wording.instant(older.at, now)
    text = (
        f"a slower burn had begun by {since} already, with {events} of {older.total:,} until the "
        "rate jumped"
    )
    return Fact("older_burn", "Older burn", since, text)


def _changes(context: ServiceContext, now: datetime) -> Iterator[Fact]:
    change = suspect(context)
    if change is not None and context.onset is not None:
        seconds = (context.onset.at - change.at).total_seconds()
        order = f"{wording.duration(seconds)} before" if seconds >= MINUTE else "just as"
        at = wording.instant(change.at, now)
        text = f"{change_text(change)} took effect at {at}, {order} the errors began"
        value = written_version(change) or change.kind
        yield Fact("change_before_onset", "Change before the errors", value, text)
    elif context.changes:
        last = max(context.changes, key=lambda c: c.at)
        at = wording.instant(last.at, now)
        text = f"the last change was {change_text(last)} at {at}"
        yield Fact("last_change", "Last change", written_version(last) or last.kind, text)


def _alerts(episodes: Sequence[OpenEpisode], now: datetime) -> Iterator[Fact]:
    if not episodes:
        return
    order = [*_ALERTS]
    worst = min(episodes, key=lambda e: (order.index(e.severity), e.started_at))
    what = f"{_ALERTS[worst.severity]} since {wording.instant(worst.started_at, now)}"
    if worst.acknowledged:
        what += ", which is acknowledged"
    count = len(episodes)
    text = f"1 alert is open: {what}"
    if count > 1:
        text = f"{count:,} alerts are open, the most severe of them {what}"
    yield Fact("alerts", "Open alerts", count, text, "alerts")
