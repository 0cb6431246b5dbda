"""Figures in words: each is rounded once, here, and keeps to the side of its threshold. Pure."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from common.slo.risk import RISK_BOUNDARIES
from common.slo.windows import DAY, HOUR, MINUTE

_MOST_DECIMALS = 9
_LEAST_BURN, _LEAST_PERCENT = 0.01, 0.1


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a count with its noun: "1 failure", "12,400 failures"."""
    noun = singular if count == 1 else plural or f"{singular}s"
    return f"{count:,} {noun}"


def burn_rate(rate: float, boundaries: Iterable[float] = RISK_BOUNDARIES.values()) -> str:
    """Return a burn rate with two decimals; more where rounding would cross a level's boundary."""
    if rate == 0:
        return "0"
    if rate < _LEAST_BURN:
        return "less than 0.01"
    return _rounded(rate, 2, boundaries)


def percent(ratio: float) -> str:
    """Return a ratio (0..1) as a percentage with one decimal; never 0 or 100 unless it is."""
    value = 100 * ratio
    if value == 0:
        return "0%"
    if 0 < value < _LEAST_PERCENT:
        return "less than 0.1%"
    return f"{_trimmed(_rounded(value, 1, (0, 100)))}%"


def objective(ratio: float) -> str:
    """Return an objective as a percentage with all the nines that it has: 0.9995 is "99.95%"."""
    # the shortest decimal of the float is what its owner wrote
    return f"{(Decimal(repr(ratio)) * 100).normalize():f}%"


def number(value: float) -> str:
    """Return a number as its owner wrote it."""
    return f"{Decimal(repr(value)).normalize():f}"


def seconds(value: float) -> str:
    """Return seconds as their owner wrote them: "1 second", "0.25 seconds"."""
    return f"{number(value)} {'second' if value == 1 else 'seconds'}"


def duration(seconds: float) -> str:
    """Return a length of time in the largest unit that keeps it readable."""
    for limit, unit_seconds, noun in (
        (MINUTE, 1, "second"),
        (2 * HOUR, MINUTE, "minute"),
        (2 * DAY, HOUR, "hour"),
    ):
        if seconds < limit:
            return counted(round(seconds / unit_seconds), noun)
    return counted(round(seconds / DAY), "day")


def interval(early: str, late: str) -> str:
    """Return two durations as one: "6 to 15 hours", "50 minutes to 3 hours"."""
    count, noun = early.split(" ")
    same = late.split(" ")[1].rstrip("s") == noun.rstrip("s")
    return f"{count if same else early} to {late}"


def window(seconds: float) -> str:
    """Return the length of a window exactly: "5 minutes", "90 minutes", "24 hours"."""
    if seconds % HOUR == 0:
        return counted(int(seconds // HOUR), "hour")
    if seconds % MINUTE == 0:
        return counted(int(seconds // MINUTE), "minute")
    return counted(int(seconds), "second")


def instant(at: datetime, now: datetime) -> str:
    """Return a time of day in UTC, with the date unless it is today."""
    if at.date() == now.date():
        return f"{at:%H:%M} UTC"
    year = "" if at.year == now.year else f" {at.year}"
    return f"{at:%H:%M} UTC on {at.day} {at:%B}{year}"


def listed(parts: Sequence[str]) -> str:
    """Return parts as a list in a sentence."""
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _rounded(value: float, decimals: int, boundaries: Iterable[float]) -> str:
    """Return the value with as many decimals as keep it off boundaries that it is not on."""
    while True:
        text = f"{value:.{decimals}f}"
        if decimals == _MOST_DECIMALS or all(
            _side(float(text), b) == _side(value, b) for b in boundaries
        ):
            return text
        decimals += 1


def _side(value: float, boundary: float) -> int:
    return int(math.copysign(1, value - boundary)) if value != boundary else 0


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
