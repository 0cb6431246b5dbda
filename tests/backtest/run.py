"""The backtest: `make backtest`, or `python -m tests.backtest.run --seeds 600 --plot FILE`.

Held-out seeds begin at HELD_OUT; those below are for choosing parameters. BURNLINE_PETSHOP_CSV
names a real series to be gone through as well.
"""

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from forecast.domain import models
from tests.backtest.cases import OBJECTIVES, WINDOW_DAYS, case, petshop_outcomes
from tests.backtest.scenarios import Family, scenario
from tests.backtest.scoring import (
    MODELS,
    Outcome,
    median_error,
    null_calls,
    ratio_interval,
    share_interval,
)

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
        yield from _point(left, bottom, model, outcome)


def _point(left: float, bottom: float, model: str, outcome: Outcome) -> Iterable[str]:
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


HELD_OUT = 20_000
SPENT_OR_RETURNING = (Family.PARTLY_SPENT, Family.ROLLS_OFF)
"""The families that the published model is made for."""

PETSHOP_VARIABLE = "BURNLINE_PETSHOP_CSV"


def outcomes_of(seeds: Iterable[int]) -> tuple[list[Outcome], int]:
    """Return the outcome of each seed, the families in turn, and how many were spent before."""
    found, families, spent_before = [], list(Family), 0
    for seed in seeds:
        made = scenario(families[seed % len(families)], seed)
        known = case(made)
        if known.slo.error_budget_remaining <= 0:
            spent_before += 1  # nothing is left to be forecast
            continue
        forecast = known.forecast()
        hours = known.window_hours
        found.append(Outcome.of(made.family.value, hours, known.truth_hours, forecast))
    return found, spent_before


def of_families(outcomes: Sequence[Outcome], families: Sequence[Family]) -> list[Outcome]:
    """Return the outcomes of some families."""
    return [outcome for outcome in outcomes if outcome.family in families]


def report(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """Give the tables, in Markdown."""
    yield "| family | cut-offs | spent within the window | " + " | ".join(MODELS) + " |"
    yield "| --- " * (3 + len(MODELS)) + "|"
    for name in dict.fromkeys(outcome.family for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.family == name]
        came = sum(outcome.truth_hours is not None for outcome in own)
        errors = " | ".join(f"{median_error(own, model):.2f}" for model in MODELS)
        yield f"| {name} | {len(own)} | {came} | {errors} |"
    yield ""
    yield "| model | said, came | said, did not come | not said, came | neither |"
    yield "| --- | --- | --- | --- | --- |"
    for model in MODELS:
        yield f"| {model} | {' | '.join(map(str, null_calls(outcomes, model)))} |"
    yield ""
    yield from _calls_by_family(outcomes)
    yield ""
    yield "| cut-offs | P10 to P90 covers | spent before P10 | spent after P90 |"
    yield "| --- | --- | --- | --- |"
    yield _coverage("all", outcomes)
    yield _coverage("exhaustion possible, or came", [o for o in outcomes if o.undecided])
    for name in dict.fromkeys(outcome.family for outcome in outcomes):
        yield _coverage(name, [o for o in outcomes if o.family == name])


def _calls_by_family(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """Give what the published model and the usual one said of each family, and their errors.

    The errors are of the cut-offs whose budget was spent: where most are not, those of all say
    little.
    """
    yield "| family | model | said, came | said, did not come | not said, came | error if it came |"
    yield "| --- " * 6 + "|"
    for name in dict.fromkeys(outcome.family for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.family == name]
        came = [outcome for outcome in own if outcome.truth_hours is not None]
        for model in (models.ROLL_OFF, models.WINDOW_OVER_BURN_RATE):
            error = f"{median_error(came, model):.2f}" if came else ""
            counted = " | ".join(map(str, null_calls(own, model)[:3]))
            yield f"| {name} | {model} | {counted} | {error} |"


def _coverage(name: str, outcomes: Sequence[Outcome]) -> str:
    covered = sum(outcome.covered for outcome in outcomes)
    share, low, high = share_interval(covered, len(outcomes))
    early = sum(outcome.too_early for outcome in outcomes) / max(1, len(outcomes))
    late = sum(outcome.too_late for outcome in outcomes) / max(1, len(outcomes))
    counted = f"{name} ({len(outcomes)})"
    return f"| {counted} | {share:.3f} [{low:.3f}..{high:.3f}] | {early:.3f} | {late:.3f} |"


def headline(outcomes: Sequence[Outcome]) -> str:
    """Return the line that says how far the published model is ahead where it should be."""
    own = of_families(outcomes, SPENT_OR_RETURNING)
    ratio, low, high = ratio_interval(own, models.ROLL_OFF, models.WINDOW_OVER_BURN_RATE)
    return (
        f"Where budget is partly spent or rolls off ({len(own)} cut-offs) the published model has "
        f"{ratio:.2f} [{low:.2f}..{high:.2f}] of the median log error of window over burn rate."
    )


def main(seeds: int = 600, first: int = HELD_OUT, plot: Path | None = None) -> None:
    """Print the figures of simulated histories, and of the real one where it is named."""
    outcomes, spent_before = outcomes_of(range(first, first + seeds))
    typer.echo(f"{seeds} seeds from {first}; {spent_before} had nothing left to forecast\n")
    typer.echo("\n".join([*report(outcomes), "", headline(outcomes)]))
    if plot:
        write_plot(plot, of_families(outcomes, SPENT_OR_RETURNING))
    real = os.environ.get(PETSHOP_VARIABLE)
    for objective in OBJECTIVES if real else ():
        typer.echo(f"\nPetShop, objective {objective}, window {WINDOW_DAYS} d\n")
        typer.echo("\n".join(report(petshop_outcomes(Path(str(real)), objective))))


if __name__ == "__main__":
    typer.run(main)
