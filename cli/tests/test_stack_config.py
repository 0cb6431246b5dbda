"""What the environment asks of the stack, the token that is made once, and whose its key is."""

import os
import pwd
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from burnline.client.own_key import account_name, free_name
from burnline.errors import StackError
from burnline.localstack.config import (
    StackConfig,
    ensure_token,
    server_environment,
    service_environment,
)
from burnline.localstack.kafka import broker_name
from burnline.localstack.processes import ProcessIdentity
from burnline.localstack.state import StackState, read_running, write_state
from common.access.keys import new_key_id, new_secret, written

UID = f"uid {os.getuid()}"


def config(tmp_path: Path, **environment: str) -> StackConfig:
    return StackConfig.from_environment({"BURNLINE_DATA_DIR": str(tmp_path), **environment})


def test_defaults(tmp_path: Path) -> None:
    found = config(tmp_path)
    assert [(p.variable, p.port, p.explicit) for p in found.ports] == [
        ("BURNLINE_PORT", 8000, False),
        ("BURNLINE_INGEST_PORT", 8001, False),
        ("BURNRATE_PORT", 8002, False),
        ("FORECAST_PORT", 8003, False),
        ("GATE_PORT", 8004, False),
        ("ALERTS_PORT", 8005, False),
    ]
    assert (found.host, found.bootstrap_servers, found.partitions) == ("127.0.0.1", None, 4)
    assert found.simulator


def test_empty_variables_count_as_unset(tmp_path: Path) -> None:
    found = config(tmp_path, DATABASE_URL="", BURNLINE_PORT="", ENABLE_METRICS_SIMULATOR="")
    assert found.database_url is None
    assert not found.ports[0].explicit
    assert found.simulator


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "off"])
def test_simulator_off(tmp_path: Path, word: str) -> None:
    assert not config(tmp_path, ENABLE_METRICS_SIMULATOR=word).simulator


def test_a_broker_of_the_caller_s_is_used(tmp_path: Path) -> None:
    found = config(tmp_path, KAFKA_BOOTSTRAP_SERVERS="broker:9092")
    assert found.bootstrap_servers == "broker:9092"
    assert broker_name(found.bootstrap_servers) == ("Kafka at broker:9092", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BURNLINE_PORT", "http"),
        ("BURNLINE_PORT", "65536"),
        ("BURNLINE_PARTITIONS", "0"),
    ],
)
def test_nonsense_is_named(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(StackError, match=f"{variable}={value}"):
        config(tmp_path, **{variable: value})


def test_the_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    found = config(tmp_path)
    token = ensure_token(found)
    assert len(token) >= 43
    assert ensure_token(found) == token
    assert stat.S_IMODE(found.data_dir.token.stat().st_mode) == 0o600


def test_a_given_token_is_not_stored(tmp_path: Path) -> None:
    found = config(tmp_path, BURNLINE_API_TOKEN="given")
    assert ensure_token(found) == "given"
    assert not found.data_dir.token.exists()


def test_a_key_in_the_environment_is_no_token_of_the_stack(tmp_path: Path) -> None:
    key = written(new_key_id(), new_secret())
    assert ensure_token(config(tmp_path, BURNLINE_API_TOKEN=key)) != key


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"BURNLINE_PORT": "8100"}, "http://127.0.0.1:8100"),
        ({"BURNLINE_PORT": "8100", "BURNLINE_HOST": "0.0.0.0"}, "http://127.0.0.1:8100"),
        ({}, "http://127.0.0.1:8000"),
    ],
)
def test_links_in_notifications_lead_to_this_stack(
    tmp_path: Path, given: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALERTS_EXTERNAL_URL", raising=False)
    assert service_environment(config(tmp_path, **given), "token")["ALERTS_EXTERNAL_URL"] == url
    monkeypatch.setenv("ALERTS_EXTERNAL_URL", "https://burnline.example")
    named = service_environment(config(tmp_path, **given), "token")["ALERTS_EXTERNAL_URL"]
    assert named == "https://burnline.example"


def test_services_get_the_caller_s_environment_and_servers_are_blind_to_parts_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILPOINT", "after-commit")
    monkeypatch.setenv("PGPORT", "1")
    services = service_environment(config(tmp_path), "token")
    assert services["FAILPOINT"] == "after-commit"
    assert services["BURNLINE_DATA_DIR"] == str(tmp_path)
    servers = server_environment(services)
    assert "PGPORT" not in servers
    assert servers["BURNLINE_DATA_DIR"] == str(tmp_path)


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ("ana", "ana"),
        ("\uff41na", "ana"),  # wide letters look the same
        ("a\u200bna", UID),
        ("\u0430na", UID),  # a Cyrillic letter
        ("", UID),
        ("a" * 300, "a" * 40),
        (None, UID),
    ],
)
def test_a_key_is_named_after_the_account_by_the_rules_of_names(
    monkeypatch: pytest.MonkeyPatch, account: str | None, name: str
) -> None:
    def entry(uid: int) -> Any:
        if account is None:
            raise KeyError(uid)
        return SimpleNamespace(pw_name=account)

    monkeypatch.setattr(pwd, "getpwuid", entry)
    monkeypatch.setenv("LOGNAME", "somebody else")
    assert account_name() == name


def test_a_name_that_another_stack_s_key_has_is_not_taken_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")
    taken: set[str] = set()
    for _ in range(4):
        taken.add(free_name("ana", taken))
    assert taken == {"ana", "ana on laptop", "ana on laptop 2", "ana on laptop 3"}


def test_commands_write_with_the_key_once_there_is_one(tmp_path: Path) -> None:
    directory = config(tmp_path).data_dir
    supervisor = ProcessIdentity.of(os.getpid())
    state = StackState("running", supervisor, environment={"BURNLINE_API_TOKEN": "the stack's"})
    write_state(directory.state, state)
    assert read_running(directory.state) == state
    directory.key.write_text("blk_of_ana\n")
    found = read_running(directory.state)
    assert found is not None
    assert found.environment["BURNLINE_API_TOKEN"] == "blk_of_ana"
