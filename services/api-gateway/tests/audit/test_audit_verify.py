"""`burnline audit verify` finds whatever was done to the audit behind the gateway's back."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from api_gateway.alerts.repository import AlertStore
from api_gateway.api_keys.repository import ApiKeyStore
from api_gateway.audit.domain import AuditFilter
from api_gateway.audit.repository import AuditStore
from api_gateway.audit.service import AuditService
from api_gateway.catalog.repository import CatalogStore
from api_gateway.policy.repository import PolicyStore, end_overrides
from api_gateway.settings import GatewaySettings
from api_gateway.storage.unit_of_work import Store
from burnline.main import make_app
from common.config.settings import KafkaSettings
from common.events import AuditHeadMoved
from common.kafka.client import Publisher
from common.kafka.topics import AUDIT
from common.storage.audit import GENESIS, AuditEntry, AuditEvent, AuditHead
from common.storage.audit_files import AuditFormat
from common.storage.database import Database
from common.storage.outbox import Outbox
from tests.support.gateway.decisions import ALLOWING
from tests.support.servers.running import migrate

NOW = datetime(2026, 3, 2, 12, 0, 30, 123456, tzinfo=UTC)
ENTRIES = 6
# behind the gateway's back: by somebody who may switch the protection off
UNPROTECTED = "ALTER TABLE catalog.audit{} DISABLE TRIGGER ALL"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Database, Outbox]]:
    """Give what the gateway's stores are made of; nothing is published."""
    settings = GatewaySettings.model_validate({"database_url": url})
    database = Database.connect(settings, "test")
    yield database, Outbox("catalog", database, Publisher(settings))
    await database.close()


async def fill(url: str, name: str = "ana", entries: int = ENTRIES) -> None:
    """Write entries as the gateway does."""
    async with opened(url) as parts:
        intents = PolicyStore(*parts)
        for number in range(entries):
            details = {"reason": 'größer als "gestern"', "ratio": 0.1 * number, "list": [number]}
            at = NOW + timedelta(seconds=number)
            subject = f"override/{number}"
            deed = AuditEvent(at, "override.used", subject, "checkout", details, [], name)
            async with intents.write() as writer:
                await writer.record(deed)


async def use_each_store(url: str) -> tuple[list[AuditEntry], list[MutableMapping[str, Any]]]:
    """Return the entries made, oldest first, and what was logged."""
    async with opened(url) as parts:
        catalog = CatalogStore(*parts, end_overrides)
        with capture_logs() as logs:
            stores: list[Store[Any, Any]] = [catalog, PolicyStore(*parts)]
            for store in (*stores, AlertStore(*parts), ApiKeyStore(*parts)):
                async with store.write() as writer:
                    await writer.record(
                        AuditEvent(NOW, "tried", type(store).__name__, None, {}, [])
                    )
            async with catalog.write() as writer:
                service = await writer.add_service("checkout", 1, "shop", None)
            async with PolicyStore(*parts).write() as intents:
                await intents.add_override(ALLOWING)
            async with catalog.write() as writer:
                await writer.retire_service(service.id)  # ends the override, which is audited
        async with AuditStore(parts[0]).read() as reader:
            entries = await reader.newest(AuditFilter(), before=100, limit=100)
    return [*reversed(entries)], logs


def test_the_logs_have_the_hash_of_each_entry_that_any_store_makes(
    new_database: Callable[[], str],
) -> None:
    entries, logs = asyncio.run(use_each_store(new_database()))
    told = [(log["entry"], log["hash"]) for log in logs if log["event"] == "audited"]
    assert told == [(entry.id, entry.hash) for entry in entries]
    assert [entry.action for entry in entries] == [*["tried"] * 4, "override.revoked"]


@pytest.fixture
def audit_url(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A database whose audit has some entries; the command is told of it."""
    url = new_database()
    asyncio.run(fill(url))
    monkeypatch.setenv("DATABASE_URL", url)
    return url


async def run(url: str, *statements: str) -> None:
    """Run statements on one connection."""
    connection = await asyncpg.connect(url, ssl=False)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def tamper(url: str, *statements: str) -> None:
    unprotected = (UNPROTECTED.format(""), UNPROTECTED.format("_head"))
    asyncio.run(run(url, *unprotected, *statements))


def verify(*arguments: str) -> tuple[int, str]:
    return verified("--offline", *arguments)


def verified(*arguments: str) -> tuple[int, str]:
    found: Any = CliRunner().invoke(make_app("audit"), ["audit", "verify", *arguments])
    return found.exit_code, found.stdout


@pytest.mark.usefixtures("audit_url")
def test_an_audit_that_nobody_touched_holds() -> None:
    status, said = verify()
    assert status == 0
    assert said.startswith(f"{ENTRIES} entries hold; the last is {ENTRIES}:")
    head = re.search(rf"{ENTRIES}:[0-9a-f]{{64}}", said)
    assert head is not None
    assert verify("--expect", head[0])[0] == 0
    assert verify("--expect", "1:" + "f" * 64)[0] == 3
    assert verify("--expect", "one")[0] == 2


COLUMNS = """at, actor, action, subject, service_name, details, previous_hash, hash, credential,
    on_behalf_of"""
DETAILS = json.dumps({"list": [3], "ratio": 0.3, "reason": "another"})
TAMPERED: list[tuple[str, int]] = [
    ("UPDATE catalog.audit SET actor = 'boris' WHERE id = 3", 3),
    ("UPDATE catalog.audit SET credential = NULL, on_behalf_of = NULL WHERE id = 5", 5),
    ("UPDATE catalog.audit SET on_behalf_of = 'boris' WHERE id = 2", 2),
    (f"UPDATE catalog.audit SET details = '{DETAILS}' WHERE id = 4", 4),
    ("UPDATE catalog.audit SET details = (details::text || ' ')::json WHERE id = 4", 4),
    ("UPDATE catalog.audit SET at = at + interval '1 microsecond' WHERE id = 1", 1),
    ("UPDATE catalog.audit SET service_name = NULL WHERE id = 6", 6),
    ("DELETE FROM catalog.audit WHERE id = 1", 1),
    ("DELETE FROM catalog.audit WHERE id = 4", 4),
    ("DELETE FROM catalog.audit WHERE id = 6", 6),
    ("DELETE FROM catalog.audit", 1),
    ("UPDATE catalog.audit SET id = id + 100 WHERE id = 2", 2),
    (f"INSERT INTO catalog.audit SELECT 7, {COLUMNS} FROM catalog.audit WHERE id = 6", 7),
]


@pytest.mark.parametrize(("statement", "broken"), TAMPERED)
def test_whatever_was_done_is_named_by_its_first_entry(
    audit_url: str, statement: str, broken: int
) -> None:
    tamper(audit_url, statement)
    status, said = verify()
    assert status == 3
    assert said.startswith(f"entry {broken} ")
    held = f"{broken - 1}:" if broken > 1 else "none"
    assert f"the entries up to {held}" in said


def test_a_tail_that_was_cut_off_with_its_head_is_found_by_what_was_noted(audit_url: str) -> None:
    last = re.search(r"6:[0-9a-f]{64}", verify()[1])
    assert last is not None
    newest = "(SELECT hash FROM catalog.audit WHERE id = 5)"
    tamper(
        audit_url,
        "DELETE FROM catalog.audit WHERE id = 6",
        f"UPDATE catalog.audit_head SET id = 5, hash = {newest}",
    )
    assert verify()[0] == 0
    status, said = verify("--expect", last[0])
    assert status == 3
    assert said.startswith("entry 6 was noted or published, and is missing")


def outbox_heads(url: str) -> list[AuditHead]:
    """Return the heads that the gateway has given to its outbox, oldest first."""

    async def read() -> list[AuditHead]:
        connection = await asyncpg.connect(url, ssl=False)
        try:
            rows = await connection.fetch(
                "SELECT key, value FROM catalog.outbox WHERE topic = $1 ORDER BY id", AUDIT.name
            )
        finally:
            await connection.close()
        moved = [msgspec.json.decode(row["value"], type=AuditHeadMoved) for row in rows]
        assert [row["key"].decode() for row in rows] == [f"{m.id}:{m.hash}" for m in moved]
        return [AuditHead(m.id, m.hash) for m in moved]

    return asyncio.run(read())


CUT = "DELETE FROM catalog.audit WHERE id > {0}"
MOVED = """UPDATE catalog.audit_head SET id = {0}, hash = coalesce(
    (SELECT hash FROM catalog.audit WHERE id = {0}), '{1}')"""


@pytest.mark.parametrize(
    ("left", "rewritten", "broken"), [(5, 0, 6), (3, 0, 4), (0, 0, 1), (3, 5, 4), (0, 6, 1)]
)
def test_an_end_that_was_cut_off_with_its_head_is_found_by_what_was_published(
    audit_url: str, monkeypatch: pytest.MonkeyPatch, left: int, rewritten: int, broken: int
) -> None:
    """Also where so many entries have been written since that nothing seems to be missing."""
    published = outbox_heads(audit_url)
    assert [head.id for head in published] == [1, 2, 3, 4, 5, 6]

    async def heads(_: KafkaSettings) -> list[AuditHead]:
        return published

    monkeypatch.setattr("burnline.commands.audit.published_heads", heads)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    status, said = verified()
    assert status == 0
    assert "6 of them were published" in said
    tamper(audit_url, CUT.format(left), MOVED.format(left, GENESIS))
    if rewritten:
        asyncio.run(fill(audit_url, "boris", rewritten))
    assert verify()[0] == 0
    status, said = verified()
    assert status == 3
    assert said.startswith(f"entry {broken} ")


def test_what_was_published_and_cannot_be_read_is_no_agreement(
    audit_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def heads(_: KafkaSettings) -> list[AuditHead]:
        raise TimeoutError

    del audit_url
    monkeypatch.setattr("burnline.commands.audit.published_heads", heads)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    found: Any = CliRunner().invoke(make_app("audit"), ["audit", "verify"])
    assert found.exit_code not in {0, 3}
    assert "--offline" in f"{found.output}{found.exception}"


def test_the_role_of_the_services_may_only_append(
    audit_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, database = 'the "services"', "migrated_for_a_role"
    quoted = '"the ""services"""'
    maker = f"CREATE ROLE {quoted}"
    everything = f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {quoted}"
    url = f"{audit_url.rpartition('/')[0]}/{database}"
    asyncio.run(run(audit_url, maker, f"CREATE DATABASE {database} TEMPLATE template0"))
    asyncio.run(run(url, everything))
    monkeypatch.setenv("BURNLINE_AUDIT_ROLE", role)
    migrate(url)
    asyncio.run(fill(url))
    as_services = (f"GRANT USAGE ON SCHEMA catalog TO {quoted}", f"SET ROLE {quoted}")
    asyncio.run(run(url, *as_services, "SELECT count(*) FROM catalog.audit"))
    asyncio.run(run(url, *as_services, "UPDATE catalog.overrides SET uses = 0"))
    for statement in ("UPDATE catalog.audit SET actor = 'boris'", "DELETE FROM catalog.audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(run(url, *as_services, statement))
    monkeypatch.setenv("DATABASE_URL", url)
    assert verify()[0] == 0


def exported(url: str, form: AuditFormat, folder: Path, chosen: AuditFilter | None = None) -> Path:
    """Write a file as GET /api/audit does."""

    async def write() -> str:
        async with opened(url) as parts:
            export = AuditService(AuditStore(parts[0])).export(chosen or AuditFilter(), form)
            return "".join([part async for part in await export])

    file = folder / f"audit.{form}"
    file.write_bytes(asyncio.run(write()).encode())
    return file


both = pytest.mark.parametrize("form", ["csv", "ndjson"])


@both
def test_an_exported_file_is_verified_without_the_database(
    audit_url: str, form: AuditFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = exported(audit_url, form, tmp_path)
    database = verify()
    monkeypatch.delenv("DATABASE_URL")
    assert verify(str(file)) == database
    head = re.search(rf"{ENTRIES}:[0-9a-f]{{64}}", database[1])
    assert head is not None
    assert verify(str(file), "--expect", head[0])[0] == 0
    assert verify(str(file), "--expect", "1:" + "f" * 64)[0] == 3
    status, said = verify(str(file), "--expect", f"7:{'f' * 64}")
    assert status == 3
    assert said.startswith("entry 7 was noted")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    status, said = verify(str(file))
    assert status == 3
    assert said.startswith(f"entry {ENTRIES} is missing")
    file.write_bytes(b"".join(lines).replace(b'ana"', b'eve"', 1))
    assert verify(str(file))[1].startswith("entry 1 ")
    file.write_bytes(b"".join(lines[:-2]) + lines[-1][:60] + b"\xff\xfe" + lines[-1][60:])
    assert verify(str(file))[1].startswith(f"entry {ENTRIES - 1} ")


@both
def test_a_database_that_was_tampered_with_exports_what_does_not_hold(
    audit_url: str, form: AuditFormat, tmp_path: Path
) -> None:
    tamper(audit_url, TAMPERED[0][0])
    assert verify(str(exported(audit_url, form, tmp_path)))[1].startswith("entry 3 was altered")
    tamper(audit_url, "DELETE FROM catalog.audit WHERE id > 2")
    assert verify(str(exported(audit_url, form, tmp_path)))[1].startswith("entry 3 is missing")


@both
def test_a_selection_says_that_others_were_left_out(
    audit_url: str, form: AuditFormat, tmp_path: Path
) -> None:
    chosen = AuditFilter(subject="override/3")
    status, said = verify(str(exported(audit_url, form, tmp_path, chosen)))
    assert status == 0
    assert said.startswith("1 entries hold; the last is 4:")
    assert "a selection (subject=override%2F3): others were left out" in said


@both
def test_a_file_written_anew_is_found_by_what_was_published(
    audit_url: str, form: AuditFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = outbox_heads(audit_url)

    async def heads(_: KafkaSettings) -> list[AuditHead]:
        return published

    monkeypatch.setattr("burnline.commands.audit.published_heads", heads)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    file = exported(audit_url, form, tmp_path)
    asyncio.run(fill(audit_url, "later", 2))
    published = outbox_heads(audit_url)
    status, said = verified(str(file))
    assert status == 0
    assert "6 of them were published" in said
    assert "2 were published after them" in said
    tamper(audit_url, CUT.format(3), MOVED.format(3, GENESIS))
    asyncio.run(fill(audit_url, "boris", 3))
    file = exported(audit_url, form, tmp_path)
    assert verify(str(file))[0] == 0
    status, said = verified(str(file))
    assert status == 3
    assert said.startswith("entry 4 is not the one that was noted or published")
