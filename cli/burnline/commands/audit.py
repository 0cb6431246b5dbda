"""`burnline audit`: who overrode the gate or changed a policy, and whether all of it is there."""

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated

import asyncpg
import typer

from burnline.client.addresses import database_url
from burnline.errors import StackError
from common.config.settings import DatabaseSettings
from common.storage.audit import AuditEntry, AuditFault, AuditHead, ChainCheck

BROKEN_STATUS = 3
_EXPECTED = re.compile(r"(?P<id>[1-9]\d{0,17}):(?P<hash>[0-9a-f]{64})")
_ENTRIES = """SELECT id, at, actor, action, subject, service_name, details::text AS details,
    previous_hash, hash FROM catalog.audit ORDER BY id"""

audit = typer.Typer(no_args_is_help=True, help="The record of overrides and policy changes.")


@audit.callback()
def _group() -> None:
    """Keep `verify` a subcommand although it is the only one."""


@audit.command()
def verify(
    expect: Annotated[
        str | None,
        typer.Option(help="an entry noted earlier, as ID:HASH, that must still be there"),
    ] = None,
) -> None:
    """Follow the chain of hashes from the first entry: exit 0 if it holds, 3 if it is broken."""
    noted = None if expect is None else _noted(expect)
    try:
        result = asyncio.run(follow_chain(database_url(), noted))
    except (OSError, asyncpg.PostgresError) as error:
        raise StackError(f"the audit cannot be read: {error}") from error
    if result.fault is None:
        typer.echo(f"{result.head.id} entries hold; the last is {_text(result.head)}")
        return
    typer.echo(f"entry {result.fault.id} {result.fault.detail}")
    typer.echo(f"the entries up to {_text(result.head)} hold")
    raise typer.Exit(BROKEN_STATUS)


@dataclass(frozen=True, slots=True)
class ChainResult:
    """How far the chain holds, and what breaks it."""

    head: AuditHead
    fault: AuditFault | None


async def follow_chain(url: str, noted: AuditHead | None) -> ChainResult:
    """Follow the chain in the state of one moment; `noted` must be one of its entries."""
    settings = DatabaseSettings(DATABASE_URL=url)
    connection = await asyncpg.connect(**settings.connect_options())
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _follow(connection, noted)
    finally:
        await connection.close()


async def _follow(
    connection: "asyncpg.Connection[asyncpg.Record]", noted: AuditHead | None
) -> ChainResult:
    check, found = ChainCheck(), None
    async for row in connection.cursor(_ENTRIES, prefetch=1000):
        entry = AuditEntry(**dict(row))
        if fault := check.add(entry):
            return ChainResult(check.head, fault)
        if noted is not None and entry.id == noted.id:
            found = entry.hash
    stored = await connection.fetchrow("SELECT id, hash FROM catalog.audit_head")
    fault = check.finish(AuditHead(**dict(stored)) if stored else AuditHead())
    if fault is None and noted is not None and found != noted.hash:
        fault = AuditFault(noted.id, "is not the one that was noted: the chain was written anew")
    return ChainResult(check.head, fault)


def _noted(text: str) -> AuditHead:
    found = _EXPECTED.fullmatch(text)
    if found is None:
        raise typer.BadParameter("give the entry as this command prints it: ID:HASH")
    return AuditHead(int(found["id"]), found["hash"])


def _text(head: AuditHead) -> str:
    return f"{head.id}:{head.hash}" if head.id else "none"
