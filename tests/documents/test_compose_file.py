"""docker-compose.yml keeps what it promises: valid, complete, locked, and on loopback only."""

import importlib
import os
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from pydantic_settings import BaseSettings
from sqlalchemy.engine import make_url

from burnline.localstack.artifacts import KAFKA_VERSION
from burnline.localstack.places import project_root
from burnline.localstack.postgres_home import MAJOR_VERSION
from burnline.localstack.services import SERVICES as PROCESSES
from common.config.settings import Settings
from common.observability.tracing import CONFIGURED_BY
from tests.support.compose_file import (
    compose,
    compose_text,
    is_job,
    offered,
    ours,
    services,
    set_at_first,
    used_variables,
    variable_of,
)

PACKAGES = ("common", "ingest", "burnrate", "forecast", "gate", "alerts", "api_gateway")
ASKED_BY_ITS_IMAGE = {"dashboard"}
CANNOT_BE_ASKED = {"otel-collector"}  # its image holds one program, which does not
READ_BY_THE_ENGINE = {"COMPOSE_PROFILES"}
SERVICES = services()
LONG_RUNNING = sorted(name for name, service in SERVICES.items() if not is_job(service))
OURS = sorted(name for name, service in SERVICES.items() if ours(service))


def modules() -> Iterator[ModuleType]:
    for package in map(importlib.import_module, PACKAGES):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def settings_classes() -> Iterator[type[BaseSettings]]:
    for module in modules():
        for value in vars(module).values():
            is_settings = isinstance(value, type) and issubclass(value, BaseSettings)
            if is_settings and value.__module__ == module.__name__:
                yield value


SETTINGS = list(settings_classes())
SETTING_NAMES = {variable_of(field) for one in SETTINGS for field in one.model_fields.values()}


def test_it_is_valid() -> None:
    read = PyCompose.from_yaml(yaml.safe_dump(compose()))
    read.validate()
    assert sorted(read.service_names()) == sorted(SERVICES)


@pytest.mark.parametrize(
    ("service", "key", "value"),
    [("redis", "restrat", "no"), ("redis", "networks", ["nowhere"]), ("redis", "restart", {})],
)
def test_what_is_not_valid_is_found(service: str, key: str, value: object) -> None:
    wrong = compose()
    wrong["services"][service][key] = value
    with pytest.raises(ValueError, match=r"restrat|nowhere|restart"):
        PyCompose.from_yaml(yaml.safe_dump(wrong)).validate()


def test_it_needs_no_version_key_and_knows_none_of_newer_engines_only() -> None:
    # docker-compose 1.29 refuses a file with one of these
    assert not {"version", "name", "include"} & set(compose())
    assert "start_interval" not in compose_text()


def test_each_process_of_the_local_stack_is_here() -> None:
    commands = [service["command"][-1] for service in SERVICES.values() if ours(service)]
    assert {process.module for process in PROCESSES} <= set(commands)


def test_every_variable_that_it_uses_is_explained() -> None:
    assert used_variables() <= set(offered())


def test_every_variable_that_is_explained_is_used() -> None:
    known = used_variables() | SETTING_NAMES | READ_BY_THE_ENGINE | set(CONFIGURED_BY)
    assert set(offered()) <= known


def test_every_setting_of_the_services_is_explained_or_settled_here() -> None:
    settled = set.intersection(*(set(SERVICES[name]["environment"]) for name in OURS))
    settled -= used_variables()
    unexplained = SETTING_NAMES - settled - set(offered())
    assert not unexplained, "add them, with their defaults, to .env.example"
    # what is settled here would be without effect in .env
    assert settled & set(offered()) == set()


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_every_value_that_is_offered_is_taken(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in offered().items():
        monkeypatch.setenv(name, value)
    made = settings()
    for name in set(offered()) - set(set_at_first()):
        monkeypatch.delenv(name)
    assert settings() == made, "what is commented out differs from the default"


def test_the_database_is_the_one_that_is_made() -> None:
    offer = offered()
    url = make_url(offer["DATABASE_URL"])
    account = (offer["POSTGRES_USER"], offer["POSTGRES_PASSWORD"], offer["POSTGRES_DB"])
    assert (url.username, url.password, url.database) == account
    assert (url.host, url.port) == ("postgres", 5432)


def test_as_the_user_wrote() -> None:
    assert SERVICES["dashboard"]["ports"] == ["127.0.0.1:80:8080"]
    assert SERVICES["api-gateway"]["ports"] == ["127.0.0.1:8000:8000"]
    assert SERVICES["simulator"]["environment"]["ENABLE_METRICS_SIMULATOR"] is True
    assert set_at_first()["COMPOSE_PROFILES"] == "demo"
    assert "BURNLINE_API_TOKEN" not in set_at_first()


def test_only_the_simulator_simulates() -> None:
    simulating = [
        name
        for name in OURS
        if str(SERVICES[name]["environment"]["ENABLE_METRICS_SIMULATOR"]).lower() != "false"
    ]
    assert sorted(simulating) == ["demo-catalog", "simulator"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_ports_are_on_loopback(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")
    assert "network_mode" not in SERVICES[name]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_has_no_right_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    uid, _, gid = service["user"].partition(":")
    assert int(uid) > 0
    assert int(gid) > 0
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] or name == "kafka"
    assert not service.get("privileged")
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_an_image_is_one_and_the_same_tomorrow(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+\.\d+", tag)


def test_servers_are_those_that_the_tests_run_on() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{MAJOR_VERSION}.")
    # from version 18 on, its data lies below this folder
    assert SERVICES["postgres"]["volumes"] == ["postgres-data:/var/lib/postgresql"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_runs_long_comes_back_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    if name not in ASKED_BY_ITS_IMAGE | CANNOT_BE_ASKED:
        assert service["healthcheck"]["test"]
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", [name for name in LONG_RUNNING if name in OURS])
def test_a_service_starts_on_migrated_tables_and_made_topics(name: str) -> None:
    done = {"condition": "service_completed_successfully"}
    waits = SERVICES[name]["depends_on"]
    assert waits["migrations"] == waits["topics"] == done


def test_health_is_asked_where_the_service_listens() -> None:
    ports: dict[str, Any] = {process.name: process.port_variable for process in PROCESSES}
    for name in (*ports, "simulator"):
        environment = SERVICES[name]["environment"]
        variable = ports.get(name, "BURNLINE_INGEST_PORT")
        assert environment["BURNLINE_PROBE_PORT"] == environment[variable]


def test_the_dashboard_cannot_reach_the_servers() -> None:
    assert list(SERVICES["dashboard"]["networks"]) == ["edge"]
    for name in ("postgres", "kafka", "redis"):
        assert SERVICES[name]["networks"] == ["data"]


def test_the_gateway_believes_the_dashboard_alone_on_who_is_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trusted = SERVICES["api-gateway"]["environment"]["BURNLINE_TRUSTED_PROXIES"]
    address = SERVICES["dashboard"]["networks"]["edge"]["ipv4_address"]
    monkeypatch.setenv("BURNLINE_TRUSTED_PROXIES", trusted)
    assert Settings().trusted_proxies == (address,)
    [network] = compose()["networks"]["edge"]["ipam"]["config"]
    # given to containers from the other end on, so that no other one comes to have it
    assert ip_address(address) in list(ip_network(network["subnet"]).hosts())[-10:]
    for name, service in SERVICES.items():
        if name != "api-gateway":
            assert "BURNLINE_TRUSTED_PROXIES" not in service.get("environment", {})


def test_files_that_are_mounted_are_here() -> None:
    mounted = [
        volume.split(":")
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert len(mounted) >= 5
    for source, _, mode in mounted:
        assert (project_root() / source).exists()
        assert mode == "ro"


def test_prometheus_asks_every_process_where_it_listens() -> None:
    read = yaml.safe_load((project_root() / "deploy/prometheus/prometheus.yml").read_text())
    asked = {job["job_name"]: job["dns_sd_configs"] for job in read["scrape_configs"]}
    assert asked == {
        process.name: [
            {
                "names": [process.name],
                "type": "A",
                "port": SERVICES[process.name]["environment"][process.port_variable],
                "refresh_interval": "10s",
            }
        ]
        for process in PROCESSES
    }


def test_what_must_not_be_lost_is_on_a_named_volume() -> None:
    named = set(compose()["volumes"])
    for name, folder in {
        "postgres": "/var/lib/postgresql",
        "kafka": "/var/lib/kafka/data",
        "simulator": "/var/lib/burnline",
        "cli": "/var/lib/burnline",
    }.items():
        mounts = dict(volume.split(":")[:2][::-1] for volume in SERVICES[name]["volumes"])
        assert mounts[folder] in named


@pytest.mark.parametrize("token", ["a token that opens reads", ""])
def test_prometheus_asks_with_the_read_token(token: str, tmp_path: Path) -> None:
    service, file = SERVICES["prometheus"], tmp_path / "read-token"
    assert "BURNLINE_READ_TOKEN" in service["environment"]
    shell, script, *program = service["entrypoint"]
    assert (shell, program) == ("/bin/sh", ["/bin/prometheus"])
    start = project_root() / "deploy/prometheus" / Path(script).name
    environment = {**os.environ, "BURNLINE_READ_TOKEN": token, "READ_TOKEN_FILE": str(file)}
    done = subprocess.run(
        (shell, start, "echo", "what follows"),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "what follows\n"
    assert (file.read_text(), file.stat().st_mode & 0o777) == (token, 0o600)


def test_every_process_is_asked_with_a_key() -> None:
    folder = project_root() / "deploy/prometheus"
    jobs = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    keys = {job["job_name"]: job["authorization"]["credentials_file"] for job in jobs}
    assert set(keys) == {process.name for process in PROCESSES}
    [file] = set(keys.values())
    assert f"{{READ_TOKEN_FILE:-{file}}}" in (folder / "start.sh").read_text()
    assert file.startswith(tuple(f"{place}/" for place in SERVICES["prometheus"]["tmpfs"]))
