"""`burnline audit`: who overrode the gate or changed a policy, and whether all of it is there."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from aiokafka.errors import KafkaError

from burnline.client.addresses import addresses, database_url
from burnline.errors import StackError
from burnline.groups import group
from common.config.settings import DatabaseSettings, KafkaSettings
from common.events import AuditHeadMoved
from common.kafka.client import TableReader
from common.kafka.topics import AUDIT
from common.kafka.unreadable import event_handler
from common.runtime.loops import background
from common.storage.audit import AuditEntry, AuditFault, AuditHead, ChainCheck
from common.storage.audit_files import verify_file
from common.strangers import one_line

BROKEN_STATUS = 3
READ_SECONDS = 20.0
_EXPECTED = re.compile(r"(?P<id>[1-9]\d{0,17}):(?P<hash>[0-9a-f]{64})")
_ENTRIES = """SELECT id, at, actor, action, subject, service_name, details::text AS details,
    previous_hash, hash, credential, on_behalf_of FROM catalog.audit ORDER BY id"""

audit = group("The record of overrides and policy changes.")


@dataclass(frozen=True, slots=True)
class ChainResult:
    """How far the chain holds, and what breaks it."""

    head: AuditHead
    fault: AuditFault | None
    entries: int
    selection: str | None = None


Follow = Callable[[Sequence[AuditHead], Sequence[AuditHead]], ChainResult]
"""Given what was noted and what was published, follow the chain."""


@audit.command()
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(help="a file of GET /api/audit (CSV, NDJSON), in place of the database"),
    ] = None,
    *,
    expect: Annotated[
        str | None,
        typer.Option(help="an entry noted earlier, as ID:HASH, that must still be there"),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="leave out what was published on Kafka")
    ] = False,
) -> None:
    """Follow the chain of hashes, and hold it against the entries that were published.

    Exit 0 if it holds, 3 if it is broken.
    """
    noted = [] if expect is None else [_noted(expect)]
    follow = _follow_database(database_url()) if file is None else _follow_file(file)
    # first what was published: what is written meanwhile is then newer than all of it
    published = [] if offline else _published(addresses().bootstrap_servers)
    result = follow(noted, published)
    if result.fault is not None:
        typer.echo(f"entry {result.fault.id} {result.fault.detail}")
        typer.echo(f"the entries up to {_text(result.head)} hold")
        raise typer.Exit(BROKEN_STATUS)
    typer.echo(f"{result.entries} entries hold; the last is {_text(result.head)}")
    if result.selection is not None:
        typer.echo(f"they are a selection ({one_line(result.selection)}): others were left out")
    if not offline:
        later = sum(head.id > result.head.id for head in published)
        typer.echo(f"{len(published) - later} of them were published, and are as they were then")
        if later:
            typer.echo(f"{later} were published after them")


def _follow_database(url: str) -> Follow:
    def follow(noted: Sequence[AuditHead], published: Sequence[AuditHead]) -> ChainResult:
        try:
            return asyncio.run(follow_chain(url, [*noted, *published]))
        except (OSError, asyncpg.PostgresError) as error:
            raise StackError(f"the audit cannot be read: {error}") from error

    return follow


def _follow_file(path: Path) -> Follow:
    def follow(noted: Sequence[AuditHead], published: Sequence[AuditHead]) -> ChainResult:
        known = {head.id: head.hash for head in (*published, *noted)}
        try:
            # what is no text in UTF-8 is found as a record that is not as it was written
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                found = verify_file(lines, known)
        except OSError as error:
            raise StackError(f"{path} cannot be read: {error}") from error
        missing = [head for head in noted if head.id > found.head.id]
        fault = found.fault or (_rewritten(missing[0], found.head) if missing else None)
        selection = found.start.selection if found.start else None
        return ChainResult(found.head, fault, found.entries, selection)

    return follow


def _published(servers: str) -> list[AuditHead]:
    kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=servers)
    try:
        return asyncio.run(published_heads(kafka))
    except (KafkaError, OSError, TimeoutError) as error:
        raise StackError(
            f"what was published cannot be read: {error or 'no answer in time'}; --offline checks "
            "the chain alone"
        ) from error


async def published_heads(kafka: KafkaSettings) -> list[AuditHead]:
    """Return every head that stands on the topic. Raises TimeoutError without an answer."""
    found: dict[AuditHead, None] = {}

    def keep(moved: AuditHeadMoved) -> None:
        found[AuditHead(moved.id, moved.hash)] = None

    reader = TableReader(kafka, [AUDIT.name], event_handler(keep))
    async with asyncio.timeout(READ_SECONDS), background(reader.run()):
        await reader.caught_up.wait()
    return [*found]


async def follow_chain(url: str, noted: Sequence[AuditHead]) -> ChainResult:
    """Follow the chain in the state of one moment; all that are noted must be its entries."""
    settings = DatabaseSettings(DATABASE_URL=url)
    connection = await asyncpg.connect(**settings.connect_options())
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _follow(connection, noted)
    finally:
        await connection.close()


async def _follow(
    connection: "asyncpg.Connection[asyncpg.Record]", noted: Sequence[AuditHead]
) -> ChainResult:
    check, missing = ChainCheck(), dict.fromkeys(noted)
    async for row in connection.cursor(_ENTRIES, prefetch=1000):
        entry = AuditEntry(**dict(row))
        if fault := check.add(entry):
            return ChainResult(check.head, fault, check.head.id)
        missing.pop(check.head, None)
    stored = await connection.fetchrow("SELECT id, hash FROM catalog.audit_head")
    fault = check.finish(AuditHead(**dict(stored)) if stored else AuditHead())
    if fault is None and missing:
        fault = _rewritten(min(missing, key=lambda head: head.id), check.head)
    return ChainResult(check.head, fault, check.head.id)


def _rewritten(noted: AuditHead, head: AuditHead) -> AuditFault:
    if noted.id > head.id:
        return AuditFault(noted.id, "was noted or published, and is missing: the end was cut off")
    return AuditFault(noted.id, "is not the one that was noted: the chain was written anew")


def _noted(text: str) -> AuditHead:
    found = _EXPECTED.fullmatch(text)
    if found is None:
        raise typer.BadParameter("give the entry as this command prints it: ID:HASH")
    return AuditHead(int(found["id"]), found["hash"])


def _text(head: AuditHead) -> str:
    return f"{head.id}:{head.hash}" if head.id else "none"
