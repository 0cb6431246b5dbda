"""What the environment asks of the stack, and the token that is made once."""

import stat
from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack.config import (
    StackConfig,
    ensure_token,
    server_environment,
    service_environment,
)
from burnline.localstack.kafka import broker_name


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
