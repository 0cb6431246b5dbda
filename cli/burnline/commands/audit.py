"""`burnline audit`: who overrode the gate or changed a policy, and whether all of it is there."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
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

BROKEN_STATUS = 3
READ_SECONDS = 20.0
_EXPECTED = re.compile(r"(?P<id>[1-9]\d{0,17}):(?P<hash>[0-9a-f]{64})")
_ENTRIES = """SELECT id, at, actor, action, subject, service_name, details::text AS details,
    previous_hash, hash, credential, on_behalf_of FROM catalog.audit ORDER BY id"""

audit = group("The record of overrides and policy changes.")


@audit.command()
def verify(
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
    url = database_url()
    # first what was published: what is written meanwhile is then newer than all of it
    published = [] if offline else _published(addresses().bootstrap_servers)
    try:
        result = asyncio.run(follow_chain(url, [*noted, *published]))
    except (OSError, asyncpg.PostgresError) as error:
        raise StackError(f"the audit cannot be read: {error}") from error
    if result.fault is not None:
        typer.echo(f"entry {result.fault.id} {result.fault.detail}")
        typer.echo(f"the entries up to {_text(result.head)} hold")
        raise typer.Exit(BROKEN_STATUS)
    typer.echo(f"{result.head.id} entries hold; the last is {_text(result.head)}")
    if not offline:
        typer.echo(f"{len(published)} of them were published, and are as they were then")


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


@dataclass(frozen=True, slots=True)
class ChainResult:
    """How far the chain holds, and what breaks it."""

    head: AuditHead
    fault: AuditFault | None


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
            return ChainResult(check.head, fault)
        missing.pop(check.head, None)
    stored = await connection.fetchrow("SELECT id, hash FROM catalog.audit_head")
    fault = check.finish(AuditHead(**dict(stored)) if stored else AuditHead())
    if fault is None and missing:
        fault = _rewritten(min(missing, key=lambda head: head.id), check.head)
    return ChainResult(check.head, fault)


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
