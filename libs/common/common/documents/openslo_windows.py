"""Read the windows, targets and budgeting of OpenSLO."""

import re
from decimal import Decimal
from typing import Any, Final

from common.documents.fields import Fields, objective
from common.documents.model import LONGEST_HOURS, SHORTEST_HOURS
from common.documents.outcome import RefusedError
from common.strangers import one_line

_HOURS: Final = {"h": 1, "d": 24, "w": 168, "M": 720}
_CALENDAR: Final = {"1w": "week", "7d": "week", "1M": "month", "1Q": "quarter", "3M": "quarter"}
_UNITS: Final = {
    "second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w", "month": "M",
    "quarter": "Q", "year": "Y",
}  # fmt: skip
_SLICES: Final = {**dict.fromkeys(("1m", "60s"), 60), **dict.fromkeys(("5m", "300s"), 300)}
_DURATION: Final = re.compile(r"([1-9]\d{0,4})([smhdwMQY])\Z")


def window_of(window: Fields, *, alpha: bool) -> dict[str, Any]:
    """Return the window of an SLO."""
    name = "count" if alpha else "duration"
    text = _alpha_duration(window) if alpha else window.text("duration")
    is_calendar = window.has("calendar")
    rolling = window.truth("isRolling", default=not is_calendar)
    if is_calendar == rolling:
        reason = "a rolling window has no calendar, and one that does not roll needs it"
        raise RefusedError("window_unsupported", window.at("isRolling"), reason)
    if is_calendar:
        found = _calendar(window.fields("calendar"), text, window.at(name))
    else:
        found = {"rolling_hours": _rolling(text, window, name)}
    window.end()
    return found


def _alpha_duration(window: Fields) -> str:
    count, unit = window.text("count"), window.text("unit")
    letter = _UNITS.get(unit.lower().removesuffix("s"))
    if letter is None:
        raise RefusedError("window_unsupported", window.at("unit"), "must be Day, Week or Month")
    return f"{count}{letter}"


def _rolling(text: str, window: Fields, name: str) -> int:
    found = _DURATION.match(text)
    hours = int(found[1]) * _HOURS.get(found[2], 0) if found else 0
    if not SHORTEST_HOURS <= hours <= LONGEST_HOURS:
        month = "; m are minutes, write M for months" if text.endswith("m") else ""
        year = "window_too_long" if hours > LONGEST_HOURS or text.endswith("Y") else ""
        reason = f"is {one_line(text)[:40]!r}; a window is of 24 h to 92 d, such as 4w{month}"
        raise RefusedError(year or "window_unsupported", window.at(name), reason)
    if text.endswith("M"):
        days = hours // 24
        said = f"a rolling month is read as 30 days, so that this is {days} days"
        window.notes.add("rolling_month_read_as_30_days", window.at(name), said)
    return hours


def _calendar(calendar: Fields, text: str, path: str) -> dict[str, Any]:
    if text == "1m":
        said = "a calendar has no periods of a minute: 1m is read as 1M, a month"
        calendar.notes.add("minute_read_as_month", path, said)
        text = "1M"
    if text not in _CALENDAR:
        code = "window_too_long" if text.endswith("Y") else "window_unsupported"
        reason = f"is {one_line(text)[:40]!r}; periods are of 1w, 1M or 1Q"
        raise RefusedError(code, path, reason)
    period = _CALENDAR[text]
    said = (
        f"the {period}s of the calendar are used, which begin at midnight (weeks on Monday), "
        "whatever this time is"
    )
    calendar.leave("startTime", "calendar_start_left_out", said)
    zone = calendar.text("timeZone", "UTC")
    calendar.end()
    return {"calendar": period, "time_zone": zone}


def target_of(item: Fields) -> Decimal:
    """Return the objective as a ratio."""
    names = [name for name in ("target", "targetPercent") if item.has(name)]
    if len(names) != 1:
        reason = "needs either target (0.99) or targetPercent (99)"
        raise RefusedError("target_out_of_range", item.at("target"), reason)
    whole = 100 if names[0] == "targetPercent" else 1
    return objective(item.decimal(names[0]), item.at(names[0]), whole)


def budgeting_of(item: Fields, method: str) -> dict[str, Any]:
    """Return what spends the budget of an objective."""
    if method == "Occurrences":
        text = "belongs to time slices; occurrences are counted"
        for name in ("timeSliceTarget", "timeSliceWindow"):
            item.leave(name, "slice_left_out", text)
        return {"method": "occurrences"}
    if not item.has("timeSliceWindow"):
        item.notes.add("slice_assumed", item.path, "names no timeSliceWindow; 1m is used")
    text = item.text("timeSliceWindow", "1m")
    text = f"{text}m" if text.isdigit() else text
    if text not in _SLICES:
        reason = f"is {one_line(text)[:40]!r}; slices are of 1m or 5m"
        raise RefusedError("window_unsupported", item.at("timeSliceWindow"), reason)
    found: dict[str, Any] = {
        "slice_seconds": _SLICES[text],
        "when_missing": "gap",
    }
    if method == "RatioTimeslices":
        item.leave("timeSliceTarget", "slice_left_out", "each slice counts by its shortfall")
        return found | {"method": "ratio_timeslices"}
    if item.has("timeSliceTarget"):
        found["slice_target"] = item.decimal("timeSliceTarget").normalize()
    return found | {"method": "timeslices"}
