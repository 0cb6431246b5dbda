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
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BURNLINE_DATA_DIR", str(tmp_path / "data"))
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "JAVA_HOME", "NODE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("bare_machine")
def test_a_path_without_java_maven_and_node_is_fine_and_says_what_will_be_installed() -> None:
    result = CliRunner().invoke(make_app(), ["doctor"])
    assert result.exit_code == 0, result.output
    assert (
        "ok      java         no Java 17 or newer: the next `burnline up` installs" in result.output
    )
    assert "ok      node         no Node.js 20.19 or newer: the next" in result.output
    assert "ok      kafka jars   not here yet: the next `burnline up` fetches" in result.output
    assert "MISSING" not in result.output


@pytest.mark.usefixtures("bare_machine")
def test_what_is_there_is_shown_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.2\" 2022-01-18' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(make_app(), ["doctor"])
    assert f"ok      java         {java}, version 17.0" in result.output


@pytest.mark.usefixtures("bare_machine")
def test_real_servers_need_neither_java_nor_the_wheel(tmp_path: Path) -> None:
    config = StackConfig.from_environment(
        {
            "BURNLINE_DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgresql://db/x",
            "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
        }
    )
    names = [check.what for check in examine(config)]
    assert names == ["python", "ports", "disk", "node"]


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
