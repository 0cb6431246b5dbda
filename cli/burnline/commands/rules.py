"""`burnline rules`: alert rules tried on what has happened."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from alerts.domain.backtest import WARM_UP, Alarm, Incident, Score, score
from burnline.client.addresses import database_url
from burnline.commands.rules_replay import plan
from burnline.errors import StackError
from burnline.groups import group
from burnline.localstack.config import data_dir
from common.alerting.default_rules import read_rules
from common.config.clock import rfc3339
from common.invalid_field import InvalidFieldError
from common.slo import wording
from common.slo.windows import HOUR, MINUTE
from common.strangers import one_line
from ingest.simulator.scenarios import ScenarioKind

NO_ERRORS: Final = frozenset({ScenarioKind.TRAFFIC_DIP, ScenarioKind.LATENCY_ONLY})
"""What costs no requests: no rule about errors has to fire for it."""
DEFAULT_HOURS: Final = 24

rules = group("Alert rules tried on what has happened.")


@rules.command("test")
def replay_rules(
    file: Annotated[
        Path, typer.Argument(help="rules as in rules.yaml", exists=True, dir_okay=False)
    ],
    *,
    hours: Annotated[
        int, typer.Option(min=1, help="how far back to begin; as far as minutes are kept")
    ] = DEFAULT_HOURS,
    services: Annotated[
        list[str] | None, typer.Option("--service", help="only this one; may be given again")
    ] = None,
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
    end = datetime.fromtimestamp(int(time.time()) // MINUTE * MINUTE, UTC)
    replayed = asyncio.run(plan(database_url(), tried, services or [], hours, end)).run()
    facts = truth or data_dir().path / "simulator-truth.ndjson"
    incidents = _incidents(facts, replayed.since - WARM_UP, end, services or [])
    found = Outcome(replayed.since, end, replayed.alarms, incidents)
    if found.hours < hours:
        kept = wording.lasted(found.hours * HOUR)
        typer.echo(f"minutes are kept for the last {kept} only", err=True)
    typer.echo((_as_json if output == "json" else _as_text)(found))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which alerts would have fired, also before `since`, and what was wrong, if known."""

    since: datetime
    until: datetime
    alarms: Sequence[Alarm]
    incidents: Sequence[Incident] | None

    @property
    def hours(self) -> float:
        """Return how many hours were replayed."""
        return (self.until - self.since) / timedelta(hours=1)

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


def _incidents(
    path: Path, begin: datetime, end: datetime, services: Sequence[str]
) -> list[Incident] | None:
    """Return what the simulator did to requests in that time; None where there is no truth."""
    if not path.exists():
        return None
    found = []
    for line in path.read_text().splitlines():
        fact = json.loads(line)
        start, stop = (datetime.fromisoformat(fact[name]) for name in ("from", "to"))
        asked = not services or fact["service"] in services
        if asked and start < end and stop > begin:
            found.append(Incident(fact["service"], fact["scenario"], start, stop))
    return [incident for incident in found if incident.kind not in NO_ERRORS]


def _as_json(found: Outcome) -> str:
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
        "hours": found.hours,
        "alarms": [asdict(alarm) for alarm in found.asked],
        "scores": scores or None,
    }
    return json.dumps(document, indent=2, default=rfc3339)


def _as_text(found: Outcome) -> str:
    lines = [alarm_line(alarm) for alarm in found.asked]
    lines.append(f"{len(lines)} alarms in {found.hours:g} hours")
    if found.incidents is None:
        return "\n".join([*lines, "no truth is known: what was right cannot be said"])
    lines += [f"{name}: {_score_text(found_score)}" for name, found_score in found.scores().items()]
    return "\n".join(lines)


def alarm_line(alarm: Alarm) -> str:
    """Return an alarm in one line."""
    lasted = "still open"
    if alarm.ended_at is not None:
        lasted = wording.lasted((alarm.ended_at - alarm.told_at).total_seconds())
    at = alarm.told_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return f"{at}  {alarm.severity:6}  {alarm.rule:18}  {lasted:>10}  {one_line(alarm.message)}"


def _score_text(found: Score) -> str:
    precision = (
        "no alarms" if found.precision is None else f"precision {wording.left(found.precision)}"
    )
    recall = "no incidents" if found.recall is None else f"recall {wording.left(found.recall)}"
    took = found.median_detection_seconds
    detection = "" if took is None else f", detected after {wording.lasted(took)} (median)"
    kinds = "; ".join(f"{kind} {n} of {total}" for kind, (n, total) in found.by_kind.items())
    return (
        f"{precision} ({found.right} of {found.alarms}), "
        f"{recall} ({found.detected} of {found.incidents}){detection}"
        f"{': ' if kinds else ''}{kinds}"
    )
