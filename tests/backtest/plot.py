"""A plot of what was said against what came, as SVG without a library."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from forecast.domain import models
from tests.backtest.scoring import Outcome

_SIDE, _GAP, _LEFT, _TOP = 360, 90, 70, 50
_DECADES = (0.001, 0.01, 0.1, 1.0)
_PANELS = (
    (models.WINDOW_OVER_BURN_RATE, "window / burn rate"),
    (models.ROLL_OFF, "published: P50, with P10 to P90"),
)
_COLOURS = {"partly_spent": "#0072b2", "rolls_off": "#d55e00"}
"""Of Okabe and Ito's palette, which colour-blind people can tell apart."""


def write_plot(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the plot: times as shares of the SLO window, both axes logarithmic."""
    width = _LEFT + len(_PANELS) * (_SIDE + _GAP)
    height = _TOP + _SIDE + 90
    body = "\n".join(
        line
        for number, (model, title) in enumerate(_PANELS)
        for line in _panel(_LEFT + number * (_SIDE + _GAP), model, title, outcomes)
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n'
    )


def _panel(left: float, model: str, title: str, outcomes: Sequence[Outcome]) -> Iterable[str]:
    bottom = _TOP + _SIDE
    yield f'<text x="{left}" y="{_TOP - 20}" font-size="14" font-weight="bold">{title}</text>'
    yield (
        f'<rect x="{left}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#444"/>'
    )
    yield (
        f'<line x1="{left}" y1="{bottom}" x2="{left + _SIDE}" y2="{_TOP}" stroke="#888" '
        'stroke-dasharray="4 4"/>'
    )
    for value in _DECADES:
        along = _place(value)
        yield _text(left + along, bottom + 18, f"{value:g}", "middle")
        yield _text(left - 6, bottom - along + 4, f"{value:g}", "end")
    yield _text(
        left + _SIDE / 2, bottom + 38, "spent after (share of the window; 1: not)", "middle"
    )
    yield _text(left, _TOP - 5, "said", "end")
    for number, (family, colour) in enumerate(_COLOURS.items()):
        x = left + 10 + number * 130
        yield f'<circle cx="{x}" cy="{bottom + 60}" r="4" fill="{colour}"/>'
        yield _text(x + 10, bottom + 64, family, "start")
    for outcome in outcomes:
        yield from _mark(left, bottom, model, outcome)


def _mark(left: float, bottom: float, model: str, outcome: Outcome) -> Iterable[str]:
    colour = _COLOURS[outcome.family]
    x = left + _place(_share(outcome, outcome.truth_hours))
    y = bottom - _place(_share(outcome, outcome.said_hours[model]))
    if model == models.ROLL_OFF:
        low = bottom - _place(_share(outcome, outcome.p10_hours))
        high = bottom - _place(_share(outcome, outcome.p90_hours))
        yield (
            f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}" stroke="{colour}" '
            'stroke-opacity="0.35"/>'
        )
    yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}" fill-opacity="0.7"/>'


def _share(outcome: Outcome, hours: float | None) -> float:
    return 1.0 if hours is None else hours / outcome.window_hours


def _place(share: float) -> float:
    """Return where a share lies along an axis of three decades."""
    return _SIDE * (1 + math.log10(max(share, _DECADES[0])) / 3)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
