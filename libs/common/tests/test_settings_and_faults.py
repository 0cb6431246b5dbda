"""Settings from the environment, headers of records, places where a process may be ended."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from common.config.settings import AdmissionSettings, DatabaseSettings, KafkaSettings, Settings
from common.kafka.client import Record, decode_batch, header, parse_batch
from common.runtime.failpoints import failpoint
from common.storage.database import async_url
from tests.support import kafka_records
from tests.support.waiting import PATIENCE_SECONDS

VARIABLES = [
    "BURNLINE_HOST",
    "BURNLINE_DATA_DIR",
    "BURNLINE_API_TOKEN",
    "DEBUG",
    "KAFKA_BOOTSTRAP_SERVERS",
    "BURNLINE_PARTITIONS",
    "DATABASE_URL",
]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_defaults_keep_to_this_machine() -> None:
    settings, kafka = Settings(), KafkaSettings()
    assert (settings.host, settings.debug, settings.api_token) == ("127.0.0.1", False, None)
    assert settings.data_dir == Path(".burnline")
    assert kafka.bootstrap_servers == ("127.0.0.1:9092",)
    assert kafka.partitions == 4
    assert AdmissionSettings().lateness == timedelta(hours=24)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    assert Settings().api_token is None
    assert Settings().host == "127.0.0.1"
    assert KafkaSettings().partitions == 4
    with pytest.raises(ValidationError, match="DATABASE_URL"):
        DatabaseSettings()


@pytest.mark.parametrize(
    ("text", "servers"),
    [("a:1", ("a:1",)), ("a:1,b:2", ("a:1", "b:2")), (" a:1 , b:2 ,", ("a:1", "b:2"))],
)
def test_a_list_of_servers(
    monkeypatch: pytest.MonkeyPatch, text: str, servers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", text)
    monkeypatch.setenv("BURNLINE_ALLOW_PLAINTEXT", "kafka")
    assert KafkaSettings().bootstrap_servers == servers
    options = {"bootstrap_servers": [*servers], "security_protocol": "PLAINTEXT"}
    assert KafkaSettings().client_options() == options


@pytest.mark.parametrize(
    ("name", "value"),
    [("BURNLINE_PARTITIONS", "0"), ("BURNLINE_PARTITIONS", "four")],
)
def test_a_wrong_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name):
        KafkaSettings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNLINE_API_TOKEN", "hush")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hush@127.0.0.1/db")
    assert "hush" not in f"{Settings()!r}{DatabaseSettings()!r}"


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
def test_a_database_address_of_any_form_is_taken(scheme: str) -> None:
    address = async_url(f"{scheme}://me:p%40ss@db:5432/sre_platform")
    assert address == "postgresql+asyncpg://me:p%40ss@db:5432/sre_platform"


def record(*headers: tuple[str, Any]) -> Record:
    return kafka_records.record("t", b"value", headers=headers)


def test_a_header_is_text_or_nothing() -> None:
    odd = record(("a", b"text"), ("b", b""), ("c", None), ("d", b"\xff"), ("e", "ü".encode()))
    found = {name: header(odd, name) for name in "abcdef"}
    assert found == {"a": "text", "b": None, "c": None, "d": None, "e": "ü", "f": None}


def test_a_null_header_does_not_hide_a_later_one_and_the_first_counts() -> None:
    assert header(record(("a", None), ("a", b"1"), ("a", b"2")), "a") == "1"


def test_no_header_can_make_a_batch_fail() -> None:
    batch = (record(("correlation_id", b"\xff")), record(("", None)), record())
    assert decode_batch(parse_batch(batch)) == batch


def test_failpoints_are_inert_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BURNLINE_FAILPOINTS", raising=False)
    failpoint("ledger.after_apply")
    monkeypatch.setenv("BURNLINE_FAILPOINTS", "another.place:1:KILL")
    failpoint("ledger.after_apply")


PASSING = """
from common.runtime.failpoints import failpoint
for number in range(5):
    print(number, flush=True)
    failpoint("here")
"""


def passages(data_dir: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "BURNLINE_FAILPOINTS": "there:1:KILL,here:3:KILL",
        "BURNLINE_DATA_DIR": str(data_dir),
    }
    return subprocess.run(
        (sys.executable, "-c", PASSING),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def test_a_failpoint_ends_the_process_once(tmp_path: Path) -> None:
    first = passages(tmp_path)
    assert (first.returncode, first.stdout.split()) == (-9, ["0", "1", "2"])
    restarted = passages(tmp_path)
    assert (restarted.returncode, restarted.stdout.split()) == (0, ["0", "1", "2", "3", "4"])
