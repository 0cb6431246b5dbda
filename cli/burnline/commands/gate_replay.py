"""`burnline gate replay`: a stored decision made again from its inputs."""

import asyncio
import json
import re
from typing import Literal

import typer
from msgspec import to_builtins

from burnline.client.addresses import database_url
from burnline.errors import StackError
from common.config.settings import DatabaseSettings
from common.events import Verdict
from common.storage.database import Database
from common.strangers import one_line
from gate.domain.records import LENGTH, DecisionRecord, Replay, replay
from gate.storage.repository import load_record

DIFFERS_STATUS = 3
_ID = re.compile(rf"[0-9A-HJKMNP-TV-Z]{{{LENGTH}}}")


def show_replay(decision_id: str, output: Literal["text", "json"]) -> None:
    """Print a decision made again; exit with DIFFERS_STATUS where a verdict is another now."""
    if not _ID.fullmatch(decision_id):
        raise typer.BadParameter(f"a decision's name has {LENGTH} letters and digits")
    record = asyncio.run(_read(database_url(), decision_id))
    if record is None:
        raise StackError(f"no decision {decision_id} is stored; old ones are deleted in time")
    found = replay(record)
    typer.echo(_as_json(found) if output == "json" else as_text(record, found))
    if not found.is_same:
        raise typer.Exit(DIFFERS_STATUS)


async def _read(url: str, decision_id: str) -> DecisionRecord | None:
    settings = DatabaseSettings(DATABASE_URL=url)
    async with Database.opened(settings, "gate-replay") as database, database.read() as session:
        return await load_record(session, decision_id)


def _as_json(found: Replay) -> str:
    document = {"same": found.is_same, "stored": found.stored, "again": found.again}
    return json.dumps(to_builtins(document), indent=2)


def as_text(record: DecisionRecord, found: Replay) -> str:
    """Return a decision made again, for a terminal."""
    stored = found.stored
    made_of = f"data {stored.data_status}, risk {stored.risk_level}"
    lines = [
        f"{stored.service_name} (tier {stored.tier}) at {stored.decided_at:%Y-%m-%d %H:%M:%S} UTC",
        f"policy {record.policy.name} {stored.policy_hash[:12]}, {made_of}",
    ]
    for verdict in found.again.verdicts:
        lines.append(_line(verdict))
        lines += [f"    {reason.code}: {one_line(reason.message)}" for reason in verdict.reasons]
    lines.append("same as stored" if found.is_same else "NOT the same as stored:")
    for before, after in found.differing():
        lines.append(f"  stored {_line(before)}")
        lines.append(f"  again  {_line(after)}")
    return "\n".join(lines)


def _line(verdict: Verdict | None) -> str:
    if verdict is None:
        return "nothing"
    scope = "" if verdict.override_id is None else f" (override {verdict.override_id}"
    scope += f", version {one_line(verdict.version)})" if verdict.version else ")" if scope else ""
    return f"{verdict.change_class}: {verdict.decision}{scope}"
