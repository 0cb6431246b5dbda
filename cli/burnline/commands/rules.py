"""`burnline rules`: alert rules tried on what has happened."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import typer

from alerts.domain.backtest import WARM_UP, Alarm, Backtest, Incident, Score, score
from alerts.domain.backtest_snapshots import Series, snapshots
from api_gateway.burn.repository import CountRepository
from api_gateway.burn.steps import CountQuery, minutes_from
from api_gateway.catalog.domain import Service, Target, service_changed
from api_gateway.catalog.repository import CatalogReader
from burnline.client.addresses import database_url
from burnline.errors import StackError
from burnline.localstack.config import data_dir
from burnrate.settings import BurnrateSettings
from common.alerting.default_rules import read_rules
from common.config.settings import DatabaseSettings
from common.events import TargetSpec
from common.invalid_field import InvalidFieldError
from common.slo import wording
from common.storage.database import Database
from ingest.simulator.scenarios import ScenarioKind

MINUTE: Final = 60
MAX_SERVICES: Final = 1000
LONGEST_WINDOW: Final = timedelta(days=90)
NO_ERRORS: Final = frozenset({ScenarioKind.TRAFFIC_DIP, ScenarioKind.LATENCY_ONLY})
"""What costs no requests: no rule about errors has to fire for it."""
MAX_HOURS = 24

rules = typer.Typer(no_args_is_help=True, help="Alert rules tried on what has happened.")


@rules.callback()
def _keep_subcommands() -> None:
    # with one command and no callback, Typer would take the command's name for an argument
    return


@rules.command("test")
def replay_rules(
    file: Annotated[
        Path, typer.Argument(help="rules as in rules.yaml", exists=True, dir_okay=False)
    ],
    *,
    hours: Annotated[
        int, typer.Option(min=1, max=MAX_HOURS, help="how far back to begin")
    ] = MAX_HOURS,
    truth: Annotated[
        Path | None,
        typer.Option(help="the simulator's truth; by default the one in the data directory"),
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Replay stored history through the rules of a file, minute by minute.

    Prints which alerts would have fired, when, for how long; and, against the simulator's truth,
    precision, recall and detection time. Forecasts are not replayed: exhaustion rules stay quiet.
    """
    try:
        tried = read_rules(file.read_text())
    except (InvalidFieldError, UnicodeDecodeError) as error:
        raise StackError(f"{file}: {error}") from None
    end = int(time.time()) // MINUTE * MINUTE
    since = end - hours * 3600
    begin = since - int(WARM_UP.total_seconds())
    services, past = asyncio.run(_read(database_url(), begin, end))
    replay = Backtest(tried, [service_changed(service) for service in services])
    for name, (reported_at, series) in past.items():
        replay.run(name, snapshots(name, reported_at, series, range(begin, end + 1, MINUTE)))
    alarms = sorted(replay.alarms, key=lambda a: (a.told_at, a.service_name, a.rule))
    incidents = _incidents(truth or data_dir().path / "simulator-truth.ndjson", begin, end)
    found = Outcome(datetime.fromtimestamp(since, UTC), alarms, incidents)
    typer.echo((_as_json if output == "json" else _as_text)(found, hours))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which alerts would have fired, also before `since`, and what was wrong, if known."""

    since: datetime
    alarms: Sequence[Alarm]
    incidents: Sequence[Incident] | None

    @property
    def asked(self) -> list[Alarm]:
        """Return the alarms that began in the time that was asked for."""
        return [alarm for alarm in self.alarms if alarm.told_at >= self.since]

    def scores(self) -> dict[str, Score]:
        """Return how right pages were, and pages and tickets together; nothing without truth."""
        if self.incidents is None:
            return {}
        return {
            "pages": score(self.alarms, self.incidents, "page", self.since),
            "pages and tickets": score(self.alarms, self.incidents, "ticket", self.since),
        }


Past = dict[str, tuple[Any, list[Series]]]


async def _read(url: str, begin: int, end: int) -> tuple[list[Service], Past]:
    settings = DatabaseSettings(DATABASE_URL=url)
    async with Database.opened(settings, "rules-test") as database, database.read() as session:
        reads, counts = CatalogReader(session), CountRepository(session)
        services = await reads.services("", MAX_SERVICES)
        targets = await reads.targets([service.name for service in services])
        past: Past = {}
        for service in services:
            mine = [target for target in targets if target.service_name == service.name]
            past[service.name] = await _past(counts, service.name, mine, begin, end)
        return services, past


async def _past(
    reads: CountRepository, service_name: str, targets: Sequence[Target], begin: int, end: int
) -> tuple[Any, list[Series]]:
    since = begin - int(LONGEST_WINDOW.total_seconds())
    query = CountQuery(service_name, since, end, minutes_from(end))
    reports = await reads.reports(query)
    series = []
    for target_id, spec in _specs(targets):
        asked = CountQuery(service_name, since, end, minutes_from(end), spec.threshold_seconds)
        counts = await reads.counts(asked)
        series.append(Series(target_id, spec, counts.ends, counts.total, counts.bad))
    return np.asarray(reports.ends), series


def _specs(targets: Sequence[Target]) -> list[tuple[int | None, TargetSpec]]:
    """Return the targets of a service by id; the default one where it has none."""
    if targets:
        return [(target.id, target.spec) for target in targets]
    settings = BurnrateSettings()
    return [(None, TargetSpec.default(settings.default_objective, settings.default_window_days))]


def _incidents(path: Path, begin: int, end: int) -> list[Incident] | None:
    """Return what the simulator did to requests in that time; None where there is no truth."""
    if not path.exists():
        return None
    found = []
    for line in path.read_text().splitlines():
        fact = json.loads(line)
        start, stop = (datetime.fromisoformat(fact[name]) for name in ("from", "to"))
        if start.timestamp() < end and stop.timestamp() > begin:
            found.append(Incident(fact["service"], fact["scenario"], start, stop))
    return [incident for incident in found if incident.kind not in NO_ERRORS]


def _as_json(found: Outcome, hours: int) -> str:
    scores = {
        name: {
            **asdict(found_score),
            "precision": found_score.precision,
            "recall": found_score.recall,
            "median_detection_seconds": found_score.median_detection_seconds,
        }
        for name, found_score in found.scores().items()
    }
    document = {
        "hours": hours,
        "alarms": [asdict(alarm) for alarm in found.asked],
        "scores": scores or None,
    }
    return json.dumps(document, indent=2, default=_rfc3339)


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _as_text(found: Outcome, hours: int) -> str:
    lines = [_line(alarm) for alarm in found.asked]
    lines.append(f"{len(lines)} alarms in {hours} hours")
    if found.incidents is None:
        return "\n".join([*lines, "no truth is known: what was right cannot be said"])
    lines += [f"{name}: {_score_text(found_score)}" for name, found_score in found.scores().items()]
    return "\n".join(lines)


def _line(alarm: Alarm) -> str:
    lasted = "still open"
    if alarm.ended_at is not None:
        lasted = f"{(alarm.ended_at - alarm.told_at).total_seconds() / MINUTE:.0f} min"
    at = alarm.told_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return f"{at}  {alarm.severity:6}  {alarm.rule:18}  {lasted:>10}  {alarm.message}"


def _score_text(found: Score) -> str:
    precision = (
        "no alarms" if found.precision is None else f"precision {wording.left(found.precision)}"
    )
    recall = "no incidents" if found.recall is None else f"recall {wording.left(found.recall)}"
    took = found.median_detection_seconds
    detection = "" if took is None else f", detected after {took / MINUTE:.1f} min (median)"
    kinds = "; ".join(f"{kind} {n} of {total}" for kind, (n, total) in found.by_kind.items())
    return (
        f"{precision} ({found.right} of {found.alarms}), "
        f"{recall} ({found.detected} of {found.incidents}){detection}"
        f"{': ' if kinds else ''}{kinds}"
    )
