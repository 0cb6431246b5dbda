"""Writes a report as Markdown or HTML: whatever is put into it is escaped for that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from burnline.report.figures import Period, Row, ServiceReport
from common import strangers
from common.access.names import attributed
from common.slo import wording

Format = Literal["md", "html"]

_WORDS = {True: "met", False: "missed", None: "cannot be told"}


def write(reports: Sequence[ServiceReport], period: Period, output: Format) -> str:
    """Return the report; the same reports give the same text."""
    environment = Environment(
        loader=PackageLoader("burnline.report", "templates"),
        autoescape=output == "html",  # noqa: S701 - Markdown has signs of its own: `strangers.markdown`
        undefined=StrictUndefined,
        finalize=strangers.markdown if output == "md" else strangers.one_line,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "left": wording.left,
        "objective": wording.objective,
        "duration": lambda length: wording.duration(length.total_seconds()),
        "count": lambda count: f"{count:,}",
        "counted": wording.counted,
        "at": _at,
        "attributed": attributed,
        "failed": lambda slo: _ranged(*(f"{n:,}" for n in (slo.bad - slo.uncertain, slo.bad))),
        "spent": lambda slo: _ranged(*map(wording.spent, (slo.spent_least_ratio, slo.spent_ratio))),
        "left_now": _left_now,
        "met": _WORDS.__getitem__,
    }
    template = environment.get_template(f"report.{output}.j2")
    return template.render(reports=reports, period=period)


def _left_now(target: Row) -> str:
    left, most = target["error_budget_remaining"], target["error_budget_remaining_most"]
    return _ranged(wording.left(left), wording.left(left if most is None else most))


def _ranged(least: str, most: str) -> str:
    """Return a figure, and where some requests may be good or bad, what it is at least and most."""
    return most if least == most else f"{least} to {most}"


def _at(when: datetime | str) -> str:
    return wording.minute(datetime.fromisoformat(when) if isinstance(when, str) else when)
