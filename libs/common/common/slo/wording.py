"""Figures in words: the one place on the server where a figure becomes text. Pure.

A figure keeps to its side of each threshold that it stands beside, with as many digits as that
takes. The dashboard's `lib/format.ts` holds to the same table of cases (`tests/figures.json`).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from common.slo.risk import RISK_BOUNDARIES
from common.slo.vocabulary import RiskLevel
from common.slo.windows import DAY, HOUR, MINUTE

_PLAUSIBLE = Decimal("0.5")
_MOST_REQUESTS = 10**6
_SHORT_DIGITS, _QUOTIENT_DIGITS = 6, 4
"""A threshold of more digits than a person writes is a quotient, and is shown with so many."""
_NOISE_DIGITS = 12
"""Digits of a float that arithmetic leaves alone."""
_MOST_DECIMALS = 18
_NEAR = 1e-9  # so close to a boundary a float may be on its wrong side: the level knows better
_NEXT = 2.0**-52

_BOUNDARIES = tuple(RISK_BOUNDARIES.values())
_SECOND = (1, "s")
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), _SECOND)


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a count with its noun: "1 failure", "12,400 failures"."""
    noun = singular if count == 1 else plural or f"{singular}s"
    return f"{count:,} {noun}"


def burn_rate(
    rate: float, thresholds: Iterable[float] = _BOUNDARIES, *, level: RiskLevel | None = None
) -> str:
    """Return a burn rate with three digits, two decimals at most; more beside its thresholds.

    `level` is the risk level that the rate was found to have in exact fractions.
    """
    rate = rate if level is None else _settled(rate, level)
    return _text(_rounded(rate, _rate_decimals(rate), thresholds))


def compared(value: float, threshold: float, decimals: int | None = None) -> tuple[str, str]:
    """Return a figure, rounded as a burn rate if not otherwise, and the threshold beside it."""
    shown, exact = _exact(threshold), _exact(threshold)
    if len(exact.as_tuple().digits) > _SHORT_DIGITS:  # no person wrote it, it is a quotient
        short = Decimal(f"{exact:.{_QUOTIENT_DIGITS}g}")
        shown = short if _side(_exact(value), short) == _side(_exact(value), exact) else exact
    decimals = _rate_decimals(value) if decimals is None else decimals
    return _text(_rounded(value, decimals, [shown])), _text(shown.normalize())


def factor(value: float, thresholds: Iterable[float] = ()) -> str:
    """Return how many times as much something is, with one decimal; more beside its thresholds."""
    return _text(_rounded(value, 1, thresholds))


def lasted(seconds: float, limits: Iterable[float] = ()) -> str:
    """Return a length of time in its greatest unit: "2.5 h", "15 min", "0.4 s"."""
    size, unit = next((u for u in _UNITS if seconds >= u[0]), _SECOND)
    return f"{_trimmed(_text(_rounded(seconds, 1, limits, unit=size)))} {unit}"


def lasting(seconds: float, limit: float) -> tuple[str, str]:
    """Return two lengths of time that are compared; the limit exactly."""
    whole, of = next((u for u in _UNITS if limit >= u[0] and not limit % u[0]), _SECOND)
    return lasted(seconds, [limit]), f"{number(limit / whole)} {of}"


def left(ratio: float, thresholds: Iterable[float] = ()) -> str:
    """Return what is left of a whole as a percentage, never more than it is; 0% only if it is."""
    return _percent(ratio, thresholds, ROUND_FLOOR)


def spent(ratio: float, thresholds: Iterable[float] = ()) -> str:
    """Return what is spent of a whole as a percentage, never less than it is."""
    return _percent(ratio, thresholds, ROUND_CEILING)


def snapped(value: float, threshold: float) -> float:
    """Return the threshold for a figure that only the noise of floats may keep off it."""
    return threshold if abs(value - threshold) <= _NEAR * abs(threshold) else value


def objective(ratio: float) -> str:
    """Return a share that a person set, as a percentage: 0.9995 is "99.95%"."""
    return f"{(_exact(ratio) * 100).normalize():f}%"


def implausible(objective: Decimal) -> str | None:
    """Say that more requests may fail than must succeed; None where an objective asks for more.

    "999 of 1,000 requests may fail": out of as few as it takes to count whole ones.
    """
    if objective >= _PLAUSIBLE:
        return None
    sizes = (10**digits for digits in range(3, _MOST_DECIMALS))
    size = next(size for size in sizes if (objective * size) % 1 == 0 or size == _MOST_REQUESTS)
    return f"{int((1 - objective) * size):,} of {size:,} requests may fail"


def number(value: float) -> str:
    """Return a number as its owner wrote it."""
    return f"{_exact(value).normalize():f}"


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


def about(hours: float) -> str:
    """Return a forecast's length of time; what is nearer than a minute is a minute."""
    return duration(max(hours * HOUR, MINUTE))


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


def reported_window(seconds: float, reported_seconds: float | None) -> str:
    """Return the length of a window, or of how much of it there are reports, if that is known."""
    if reported_seconds is None or reported_seconds >= seconds:
        return window(seconds)
    return f"the {window(reported_seconds)} reported of the last {window(seconds)}"


def instant(at: datetime, now: datetime) -> str:
    """Return a time of day in UTC, with the date unless it is today."""
    if at.date() == now.date():
        return f"{at:%H:%M} UTC"
    year = "" if at.year == now.year else f" {at.year}"
    return f"{at:%H:%M} UTC on {at.day} {at:%B}{year}"


def minute(at: datetime) -> str:
    """Return an instant to the minute, in UTC, with its date: "2026-11-23 06:40 UTC"."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def listed(parts: Sequence[str]) -> str:
    """Return parts as a list in a sentence."""
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _rounded(
    value: float | Decimal,
    decimals: int,
    thresholds: Iterable[float | Decimal],
    rounding: str = ROUND_HALF_UP,
    unit: int = 1,
) -> Decimal:
    """Return a value in units of `unit`, with as many decimals as keep it off its thresholds."""
    exact, beside = _exact(value), [_exact(threshold) for threshold in thresholds]
    clean = Decimal(f"{exact:.{_NOISE_DIGITS}g}") / unit
    for places in range(decimals, _MOST_DECIMALS + 1):
        found = clean.quantize(Decimal(1).scaleb(-places), rounding)
        if all(_side(found * unit, t) == _side(exact, t) for t in beside):
            return found
    return exact / unit


def _exact(value: float | Decimal) -> Decimal:
    """Return the shortest decimal that is this float: what its owner wrote."""
    return value if isinstance(value, Decimal) else Decimal(repr(float(value)))


def _percent(ratio: float, thresholds: Iterable[float], rounding: str) -> str:
    value = 100 * _exact(ratio)
    beside = [100 * _exact(t) for t in (0, 1, *thresholds)]
    decimals = 1 if abs(value) < 10 else 0  # noqa: PLR2004 - two digits say enough
    return f"{_trimmed(f'{_rounded(value, decimals, beside, rounding):f}')}%"


def _rate_decimals(rate: float) -> int:
    return 2 if rate < 10 else 1 if rate < 100 else 0  # noqa: PLR2004 - three digits


def _settled(rate: float, level: RiskLevel) -> float:
    """Return a burn rate on the side of near boundaries on which its level is."""
    for at, boundary in RISK_BOUNDARIES.items():
        if abs(rate - boundary) > _NEAR:
            continue
        reached = [*RiskLevel].index(level) >= [*RiskLevel].index(at)
        belongs = reached != (at is RiskLevel.FREEZE)  # 2 itself is DANGER
        step = 0 if belongs else _NEXT if reached else -_NEXT
        near = boundary * (1 + step)
        return max(rate, near) if reached else min(rate, near)
    return rate


def _side(value: Decimal, threshold: Decimal) -> int:
    return (value > threshold) - (value < threshold)


def _text(value: Decimal) -> str:
    return f"{value:,f}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
