"""The jars of Apache Kafka: fetched by Maven once, kept outside the clone, checked by hash."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from burnline.errors import BrokerUnavailableError, StackError

KAFKA_VERSION: Final = "4.4.0"
ARTIFACTS_DIR: Final = Path(__file__).parent / "kafka_artifacts"
COPY_GOAL: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
DOWNLOAD_TIMEOUT_SECONDS: Final = 900
OUTPUT_LINES: Final = 15


def cache_dir() -> Path:
    """The user's cache folder of Burnline."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "burnline"


def jars_dir() -> Path:
    """Where the jars of the pinned Kafka version are kept."""
    return cache_dir() / f"kafka-{KAFKA_VERSION}"


def expected_hashes() -> dict[str, str]:
    """The committed list: SHA-256 in hexadecimal by jar name."""
    lines = (ARTIFACTS_DIR / "jars.sha256").read_text().splitlines()
    pairs = (line.split() for line in lines)
    return {name: digest for digest, name in pairs}


def verify_jars(directory: Path, expected: dict[str, str]) -> None:
    """Compare every jar with the list; StackError names the first that differs and the cure."""
    cure = f"remove {directory} and start again; if it stays, do not trust the artifact source"
    for name, digest in expected.items():
        jar = directory / name
        if not jar.is_file():
            message = f"{name} is missing from {directory}: {cure}"
            raise StackError(message)
        with jar.open("rb") as stream:
            actual = hashlib.file_digest(stream, "sha256").hexdigest()
        if actual != digest:
            message = f"{name} has SHA-256 {actual}, expected {digest}: {cure}"
            raise StackError(message)
    for jar in directory.glob("*.jar"):
        if jar.name not in expected:
            message = f"{jar.name} in {directory} is not in the list of known jars: {cure}"
            raise StackError(message)


def ensure_jars() -> Path:
    """The folder of verified jars, downloaded first when it is not there.

    Raises BrokerUnavailableError when Maven is missing or fails, StackError on a wrong hash.
    """
    target = jars_dir()
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(target.with_suffix(".lock")):
            if not target.is_dir():
                _download(target)
    verify_jars(target, expected_hashes())
    return target


def jar_version(directory: Path) -> str:
    """The version that the broker's own jar states."""
    with zipfile.ZipFile(directory / f"kafka-clients-{KAFKA_VERSION}.jar") as jar:
        lines = jar.read("kafka/kafka-version.properties").decode().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["version"]


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file."""
    # The kernel frees the lock when its holder dies, so an interrupted download blocks nobody.
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(target: Path) -> None:
    for stale in target.parent.glob(f"{target.name}.partial-*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.partial-", dir=target.parent))
    try:
        _run_maven(partial)
        verify_jars(partial, expected_hashes())
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run_maven(output: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        message = "Maven (mvn) is not on the PATH: apt-get install maven"
        raise BrokerUnavailableError(message)
    command = [maven, "-B", "-q", "-f", str(ARTIFACTS_DIR / "pom.xml"), COPY_GOAL]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={output}"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed command
            command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"Maven did not fetch Apache Kafka within {DOWNLOAD_TIMEOUT_SECONDS} s"
        raise BrokerUnavailableError(message) from error
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-OUTPUT_LINES:])
        message = f"Maven could not fetch Apache Kafka {KAFKA_VERSION}:\n{tail}"
        raise BrokerUnavailableError(message)
