"""The cache of Kafka's jars: complete, verified, or not there at all."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack import artifacts, places
from burnline.localstack.artifacts import Jar
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

JARS = {"a.jar": b"first", "b.jar": b"second"}
EXPECTED = [
    Jar(f"org/some/{name}", len(content), hashlib.sha256(content).hexdigest())
    for name, content in JARS.items()
]

# Stands for Maven: notes each call, writes one jar, waits, writes the other.
MAVEN = """\
#!/bin/sh
echo call >> "$CALLS"
for argument; do case "$argument" in -DoutputDirectory=*) out="${argument#*=}";; esac; done
printf first > "$out/a.jar"
sleep "$PAUSE"
printf second > "$out/b.jar"
"""
ENSURE = (
    "from burnline.localstack import artifacts; from burnline.localstack.artifacts import Jar;"
    f"artifacts.expected_jars = lambda: {EXPECTED!r};"
    "print(artifacts.ensure_jars())"
)


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    directory = tmp_path / "jars"
    directory.mkdir()
    for name, content in JARS.items():
        (directory / name).write_bytes(content)
    return directory


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "mvn"
    program.write_text(MAVEN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("PAUSE", "1")
    return tmp_path / "calls"


def ensure() -> "subprocess.Popen[str]":
    return subprocess.Popen((sys.executable, "-c", ENSURE), stdout=subprocess.PIPE, text=True)


def test_intact_jars_pass(jars: Path) -> None:
    artifacts.verify_jars(jars, EXPECTED)


def test_a_jar_with_a_wrong_hash_is_refused_by_name_with_the_cure(jars: Path) -> None:
    (jars / "b.jar").write_bytes(b"something else")
    with pytest.raises(StackError, match=rf"b\.jar has SHA-256 .*remove {jars}"):
        artifacts.verify_jars(jars, EXPECTED)


def test_a_missing_jar_is_refused(jars: Path) -> None:
    (jars / "a.jar").unlink()
    with pytest.raises(StackError, match=r"a\.jar is missing"):
        artifacts.verify_jars(jars, EXPECTED)


def test_a_jar_that_nobody_listed_is_refused(jars: Path) -> None:
    (jars / "c.jar").write_bytes(b"would be on the class path too")
    with pytest.raises(StackError, match=r"c\.jar .* not in the list"):
        artifacts.verify_jars(jars, EXPECTED)


def test_an_interrupted_download_leaves_nothing_that_is_used(maven: Path) -> None:
    first = ensure()
    while not maven.exists():
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not artifacts.jars_dir().exists()
    second = ensure()
    output, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert output.strip() == str(artifacts.jars_dir())
    assert sorted(path.name for path in artifacts.jars_dir().iterdir()) == ["a.jar", "b.jar"]
    assert list(places.cache_dir().glob("*.partial*")) == []


def test_two_starts_at_once_share_one_download(maven: Path) -> None:
    starts = [ensure(), ensure()]
    for start in starts:
        start.communicate(timeout=PATIENCE_SECONDS)
    assert [start.returncode for start in starts] == [0, 0]
    assert maven.read_text().splitlines() == ["call"]


def test_the_committed_list_and_pom_are_of_the_pinned_version() -> None:
    pom = (artifacts.ARTIFACTS_DIR / "pom.xml").read_text()
    assert f"<version>{artifacts.KAFKA_VERSION}</version>" in pom
    assert "://" not in pom
    jars = artifacts.expected_jars()
    assert f"kafka_2.13-{artifacts.KAFKA_VERSION}.jar" in {jar.name for jar in jars}
    assert all(len(jar.sha256) == 64 and jar.size_bytes > 0 for jar in jars)
    assert "://" not in (artifacts.ARTIFACTS_DIR / "jars.txt").read_text()
