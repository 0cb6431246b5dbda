"""Every released schema can be brought to the newest one, with what stands in it."""

import ast
import asyncio
import hashlib
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from api_gateway.catalog.repository import CatalogStore
from api_gateway.policy.repository import end_overrides
from burnline.localstack.places import project_root
from common.config.settings import DatabaseSettings, KafkaSettings
from common.kafka.client import Publisher
from common.ledger.store import LedgerStore
from common.storage.database import Database
from common.storage.outbox import Outbox
from tests.documents.surface import CATALOG, SCHEMAS
from tests.support.burnrate_service import query
from tests.support.servers.cluster import Cluster

# of the statements of each released migration: what has been applied somewhere cannot be changed,
# a mistake in it is mended by the next one
RELEASED: Final[dict[str, str]] = {
    "0001_catalog": "e80643fc08c5f733",
    "0002_burnrate": "2bd9e334c1bae5dd",
    "0003_forecast": "616ba810f57d38c9",
    "0004_gate": "8c3f8bd8e9b46a3a",
    "0005_alerts": "3832dae5733d6dcc",
    "0006_api_keys": "8cfb3b7c8374b353",
    "0007_dead_letters": "76330cc2a38cc790",
    "0008_alerts_by_objective": "27eff5d0707bb56d",
    "0009_places": "1c4139e8c31f66c8",
    "0010_imported_dedup_keys": "fb8783c7603f537b",
    "0011_credentials_of_overrides": "3e658555b00332cf",
    "0012_counts_of_keys": "a9aaf1fc9e283fd8",
    "0013_credentials_act": "a50fb3460430dad4",
    "0014_answers_of_the_gate": "13c54e2bb6a7ed69",
    "0015_senders_of_changes": "f0d687cd845b29dd",
    "0016_indicators": "cc8be30e9bbd8bad",
    "0017_loosenings": "35f40230c6bf753b",
}
VERSIONS: Final = project_root() / "deploy" / "migrations" / "versions"
ROWS: Final = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted(Path(__file__).with_name("rows").glob("*.sql"))
}
"""What stood in each table when its migration was the newest: SQL as it was, never changed."""
FORWARD_ONLY: Final = "go forward only: restore a backup instead"
TABLES: Final = """SELECT table_schema || '.' || table_name FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema IN
    ('catalog', 'burnrate', 'forecast', 'gate', 'alerts') ORDER BY 1"""


def config(output: io.StringIO | None = None) -> Config:
    """Return Alembic's configuration, without its logging."""
    made = Config(output_buffer=output) if output else Config()
    made.set_main_option("script_location", str(project_root() / "deploy" / "migrations"))
    return made


def revisions() -> list[str]:
    """Return all revisions, oldest first."""
    script = ScriptDirectory.from_config(config())
    return [found.revision for found in reversed([*script.walk_revisions()])]


@pytest.fixture
def empty_database(postgres: Cluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database without any schema of ours, which migrations are to use."""
    url = postgres.database_url(asyncio.run(postgres.empty_database()))
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("BURNLINE_AUDIT_ROLE", raising=False)
    return url


def rows(url: str, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in asyncio.run(query(url, sql, *arguments))]


def schema_of(url: str) -> list[tuple[Any, ...]]:
    return sorted(rows(url, CATALOG, SCHEMAS))


def execute(url: str, statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url, ssl=False)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    asyncio.run(run())


def content(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table."""

    async def read() -> dict[str, list[dict[str, Any]]]:
        connection = await asyncpg.connect(url, ssl=False)
        try:
            found = {}
            for (table,) in await connection.fetch(TABLES):
                records = await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")
                found[table] = [dict(record) for record in records]
            return found
        finally:
            await connection.close()

    return asyncio.run(read())


def test_each_step_keeps_what_stood_in_every_table(
    empty_database: str, new_database: Callable[[], str]
) -> None:
    url, before = empty_database, dict[str, list[dict[str, Any]]]()
    for revision in revisions():
        command.upgrade(config(), revision)
        assert rows(url, "SELECT version_num FROM public.alembic_version") == [(revision,)]
        after = content(url)
        for table, old in before.items():
            assert [kept(new, old[0]) for new in after[table][: len(old)]] == old, table
        execute(url, ROWS[revision])
        made = content(url).keys() - before.keys()
        assert [table for table in made if not content(url)[table]] == []
        before = {table: found for table, found in content(url).items() if found}
    assert schema_of(url) == schema_of(new_database())
    asyncio.run(the_product_reads_it(url))


def kept(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that there were before."""
    return {name: new[name] for name in old}


async def the_product_reads_it(url: str) -> None:
    database = Database.connect(DatabaseSettings(DATABASE_URL=url), "test")
    store = CatalogStore(
        database, Outbox("catalog", database, Publisher(KafkaSettings())), end_overrides
    )
    async with store.read() as reader:
        service = await reader.service("checkout")
        assert service is not None
        assert (service.tier, service.owner, service.description) == (
            1,
            "payments",
            "takes the money",
        )
        targets = {target.spec.name: target for target in await reader.targets(["checkout"])}
    assert targets["main"].spec.objective == Decimal("0.9995")
    assert targets["fast"].spec.threshold_seconds == 0.25
    async with database.write() as session:
        ledger = LedgerStore("burnrate")
        starts = {"slo.metrics.v1": 0}
        epoch, stored = await ledger.acquire(session, 1, "b", "kafka-a", starts)
    assert (epoch, stored["slo.metrics.v1"].next_offset) == (8, 4711)
    await database.close()


@pytest.mark.parametrize("revision", ["base", *revisions()[:-1]])
def test_a_database_of_each_version_upgrades_to_the_newest(
    revision: str, empty_database: str, new_database: Callable[[], str]
) -> None:
    url = empty_database
    for step in revisions():
        if revision == "base" or step > revision:
            break
        command.upgrade(config(), step)
        execute(url, ROWS[step])
    before = {table: found for table, found in content(url).items() if found}
    command.upgrade(config(), "head")
    after = content(url)
    for table, old in before.items():
        assert [kept(new, old[0]) for new in after[table][: len(old)]] == old, table
    assert schema_of(url) == schema_of(new_database())


@pytest.mark.parametrize("file", sorted(VERSIONS.glob("*.py")), ids=lambda file: file.stem)
def test_no_migration_imports_code_of_the_product(file: Path) -> None:
    """Editing what the product runs must not rewrite what was applied long ago."""
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {"alembic", "os"}


def test_a_way_back_is_refused_with_a_sentence(empty_database: str) -> None:
    command.upgrade(config(), "head")
    with pytest.raises(CommandError, match=FORWARD_ONLY):
        command.downgrade(config(), "-1")
    found = rows(empty_database, "SELECT version_num FROM public.alembic_version")
    assert found == [(revisions()[-1],)]


@pytest.mark.parametrize("revision", revisions())
def test_no_migration_has_a_way_back(revision: str) -> None:
    with pytest.raises(CommandError, match=FORWARD_ONLY):
        ScriptDirectory.from_config(config()).get_revision(revision).module.downgrade()


@pytest.mark.parametrize("revision", [*RELEASED])
def test_what_is_released_stays_as_it_is(revision: str) -> None:
    previous = ScriptDirectory.from_config(config()).get_revision(revision).down_revision
    output = io.StringIO()
    command.upgrade(config(output), f"{previous or 'base'}:{revision}", sql=True)
    lines = [line for line in output.getvalue().splitlines() if not line.startswith("--")]
    statements = [s.strip() for s in "\n".join(lines).split(";\n") if "alembic_version" not in s]
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]
    assert digest == RELEASED[revision], "a new migration is needed, not a change of this one"


def test_every_migration_is_frozen_and_has_rows_that_later_ones_are_tried_on() -> None:
    assert list(ROWS) == list(RELEASED) == revisions()
