"""The backtest: `make backtest`, or `python -m tests.backtest.run --seeds 600 --plot FILE`.

Held-out seeds begin at HELD_OUT; those below are for choosing parameters. BURNLINE_PETSHOP_CSV
names a real series to be gone through as well.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from forecast.domain import models
from tests.backtest.cases import OBJECTIVES, WINDOW_DAYS, case, petshop_outcomes
from tests.backtest.scenarios import Family, scenario
from tests.backtest.scoring import (
    DECADES,
    MODELS,
    Outcome,
    along,
    median_error,
    null_calls,
    ratio_interval,
    share_interval,
)

_PANELS = (
    (models.WINDOW_OVER_BURN_RATE, "window / burn rate"),
    (models.ROLL_OFF, "published: P50, with P10 to P90"),
)
_COLOURS = {"partly_spent": "#0072b2", "rolls_off": "#d55e00"}
"""Of Okabe and Ito's palette, which colour-blind people can tell apart."""
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def write_plot(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the plot: times as shares of the SLO window, both axes logarithmic."""
    plot = _TEMPLATES.get_template("plot.svg.jinja").render(
        outcomes=outcomes,
        panels=_PANELS,
        published=models.ROLL_OFF,
        colours=_COLOURS,
        decades=DECADES,
        along=along,
    )
    path.write_text(plot)


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
        found.append(known.outcome(made.family.value))
    return found, spent_before


def of_families(outcomes: Sequence[Outcome], families: Sequence[Family]) -> list[Outcome]:
    """Return the outcomes of some families."""
    return [outcome for outcome in outcomes if outcome.family in families]


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the tables, in Markdown."""
    return _TEMPLATES.get_template("report.md.jinja").render(
        outcomes=outcomes,
        models=MODELS,
        compared=(models.ROLL_OFF, models.WINDOW_OVER_BURN_RATE),
        median_error=median_error,
        null_calls=null_calls,
        share_interval=share_interval,
    )


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
    typer.echo(f"{report(outcomes)}\n{headline(outcomes)}")
    if plot:
        write_plot(plot, of_families(outcomes, SPENT_OR_RETURNING))
    real = os.environ.get(PETSHOP_VARIABLE)
    for objective in OBJECTIVES if real else ():
        typer.echo(f"\nPetShop, objective {objective}, window {WINDOW_DAYS} d\n")
        typer.echo(report(petshop_outcomes(Path(str(real)), objective)), nl=False)


if __name__ == "__main__":
    typer.run(main)
