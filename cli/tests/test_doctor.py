"""`burnline doctor` names what is missing and the command that cures it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from burnline.commands.doctor import examine
from burnline.localstack.artifacts import jars_dir
from burnline.localstack.config import StackConfig
from burnline.main import make_app


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BURNLINE_DATA_DIR", str(tmp_path / "data"))
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "BURNLINE_BROKER"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("bare_machine")
def test_a_path_without_java_and_maven_fails_and_says_what_to_install() -> None:
    result = CliRunner().invoke(make_app(), ["doctor"])
    assert result.exit_code == 1
    assert "MISSING java" in result.output
    assert "cure: apt-get install default-jre-headless" in result.output
    assert "MISSING maven" in result.output
    assert "cure: apt-get install maven" in result.output


@pytest.mark.usefixtures("bare_machine")
def test_node_is_only_needed_for_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNLINE_BROKER", "memory")
    result = CliRunner().invoke(make_app(), ["doctor"])
    assert result.exit_code == 0, result.output
    assert "absent  node" in result.output
    assert "java" not in result.output


@pytest.mark.usefixtures("bare_machine")
def test_real_servers_need_neither_java_nor_the_wheel(tmp_path: Path) -> None:
    config = StackConfig.from_environment(
        {
            "BURNLINE_DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgresql://db/x",
            "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
        }
    )
    names = [finding.what for finding in examine(config)]
    assert names == ["python", "ports", "disk", "node"]


@pytest.mark.usefixtures("bare_machine")
def test_an_old_java_is_missing_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(make_app(), ["doctor"])
    assert "is Java 11, Apache Kafka needs 17" in result.output
    assert result.exit_code == 1


@pytest.mark.usefixtures("bare_machine")
def test_a_tampered_jar_is_found() -> None:
    jars_dir().mkdir(parents=True)
    (jars_dir() / "HdrHistogram-2.2.2.jar").write_bytes(b"tampered")
    result = CliRunner().invoke(make_app(), ["doctor"])
    assert "HdrHistogram-2.2.2.jar has SHA-256" in result.output
    assert f"cure: rm -r {jars_dir()}" in result.output


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("arguments", [["env"], ["env", "--json"], ["status"]])
def test_env_and_status_of_nothing_say_what_to_do(arguments: list[str]) -> None:
    result = CliRunner().invoke(make_app(), arguments)
    assert result.exit_code == 1
    assert "burnline up" in str(result.exception)


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("command", ["down", "clean"])
def test_ending_nothing_is_fine(command: str) -> None:
    assert CliRunner().invoke(make_app(), [command]).exit_code == 0
