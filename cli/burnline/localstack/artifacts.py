"""The jars of Apache Kafka: fetched once, kept outside the clone, checked by hash.

Maven fetches them where it is there; elsewhere they are fetched here, from where the user's Maven
settings say. `jars.txt` lists them: SHA-256, bytes, and the path in a Maven repository.
"""

import ast
import contextlib
import hashlib
import importlib.util
import logging
import shutil
import ssl
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import certifi
import httpx

from burnline.errors import StackError
from burnline.localstack.maven_settings import Repository, repositories, settings_files
from burnline.localstack.places import cache_dir, exclusive, require_space
from burnline.localstack.processes import run
from burnline.localstack.runtimes import install_pinned
from common.runtime.backoff import backoff_seconds

KAFKA_VERSION: Final = "4.4.0"
ARTIFACTS_DIR: Final = Path(__file__).parent / "kafka_artifacts"
COPY_GOAL: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
MAVEN_TIMEOUT_SECONDS: Final = 900
OUTPUT_LINES: Final = 15
CONNECTIONS: Final = 6
ATTEMPTS: Final = 4
PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 4.0
REQUEST_TIMEOUT_SECONDS: Final = 20.0
SPARE_BYTES: Final = 50_000_000

log = logging.getLogger(__name__)

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """A file that is expected: `path` is that in a Maven repository, `sha256` in hexadecimal."""

    path: str
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.rpartition("/")[2]


def jars_dir() -> Path:
    """Where the jars of the pinned Kafka version are kept."""
    return cache_dir() / f"kafka-{KAFKA_VERSION}"


def expected_jars() -> list[Jar]:
    """The committed list."""
    lines = (line.split() for line in (ARTIFACTS_DIR / "jars.txt").read_text().splitlines())
    return [Jar(path, int(size), digest) for digest, size, path in lines]


def verify_jars(directory: Path, expected: list[Jar]) -> None:
    """Compare every jar with the list; StackError names the first that differs and the cure."""
    cure = f"remove {directory} and start again; if it stays, do not trust the artifact source"
    for jar in expected:
        if not (directory / jar.name).is_file():
            raise StackError(f"{jar.name} is missing from {directory}: {cure}")
        actual = _sha256(directory / jar.name)
        if actual != jar.sha256:
            raise StackError(f"{jar.name} has SHA-256 {actual}, expected {jar.sha256}: {cure}")
    names = {jar.name for jar in expected}
    for path in directory.glob("*.jar"):
        if path.name not in names:
            raise StackError(f"{path.name} in {directory} is not in the list of known jars: {cure}")


def ensure_jars(
    say: Callable[[str], None] = log.info, advance: Advance = lambda _done, _total: None
) -> Path:
    """The folder of verified jars, fetched first when it is not there.

    `advance` is called with the bytes that are there and those that there will be. Raises
    StackError where they cannot be fetched, or where a hash is wrong.
    """
    target, expected = jars_dir(), expected_jars()
    if not target.is_dir():
        with exclusive(target.with_suffix(".lock")):
            if not target.is_dir():
                total_bytes = sum(jar.size_bytes for jar in expected)
                require_space(target, total_bytes + SPARE_BYTES)
                say(f"fetching Apache Kafka {KAFKA_VERSION} ({total_bytes / 1e6:.0f} MB)")
                # What an interrupted start has fetched is gone on with; nothing uses it before
                # it is complete.
                partial = target.with_name(f"{target.name}.partial")
                partial.mkdir(exist_ok=True)
                _fetch(partial, expected, advance)
                verify_jars(partial, expected)
                partial.rename(target)
    verify_jars(target, expected)
    return target


def jar_version(directory: Path) -> str:
    """The version that the broker's own jar states."""
    with zipfile.ZipFile(directory / f"kafka-clients-{KAFKA_VERSION}.jar") as jar:
        lines = jar.read("kafka/kafka-version.properties").decode().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["version"]


def central_url() -> str:
    """The address of Maven's central repository, as the package jgo states it.

    Its table of constants is read and nothing of it is run, so it comes without what it needs.
    """
    if importlib.util.find_spec("jgo") is None:
        install_pinned("requirements-maven.txt", "The address of Maven's central repository")
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("jgo")
    if spec is None or spec.origin is None:
        raise StackError("jgo, which knows Maven's central repository, is not installed: make up")
    tree = ast.parse((Path(spec.origin).parent / "constants.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MAVEN_CENTRAL_URL":
            return str(ast.literal_eval(node.value))
    raise StackError("jgo does not say where Maven's central repository is: install Maven (mvn)")


def _fetch(folder: Path, expected: list[Jar], advance: Advance) -> None:
    if (maven := shutil.which("mvn")) is not None:
        _empty(folder)  # Maven takes a half jar of a killed one for a whole one
        try:
            _run_maven(maven, folder)
        except StackError as error:  # without a Java of its own, for example
            log.warning("%s", error)
            _empty(folder)
        else:
            return
    _download_from_any(repositories(settings_files(), central_url), folder, expected, advance)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _run_maven(maven: str, output: Path) -> None:
    command = [maven, "-B", "-q", "-f", str(ARTIFACTS_DIR / "pom.xml"), COPY_GOAL]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={output}"]
    try:
        done = run(command, timeout=MAVEN_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"Maven did not fetch Apache Kafka within {MAVEN_TIMEOUT_SECONDS} s"
        ) from error
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-OUTPUT_LINES:])
        raise StackError(f"Maven could not fetch Apache Kafka {KAFKA_VERSION}:\n{tail}")


def _download_from_any(
    places: list[Repository], folder: Path, expected: list[Jar], advance: Advance
) -> None:
    """Try one repository after the other; StackError says what came of each."""
    refusals: list[str] = []
    for place in places:
        try:
            download(place, folder, expected, advance)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            host = urlsplit(place.url).netloc.rpartition("@")[2]
            refusals.append(f"{host}: {str(error) or type(error).__name__}")
        else:
            return
    raise StackError(
        f"Apache Kafka's jars cannot be fetched ({'; '.join(refusals) or 'all is blocked'}): let "
        "this machine reach a Maven repository, by a mirror or proxy in ~/.m2/settings.xml or "
        "HTTPS_PROXY, or set KAFKA_BOOTSTRAP_SERVERS to a broker of your own"
    )


def download(place: Repository, folder: Path, expected: list[Jar], advance: Advance) -> None:
    """Fetch what is not there yet, several at a time; go on where an earlier try was broken off.

    Raises httpx.HTTPError where the repository cannot be reached or has not all of it.
    """
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(certifi.where())
    total_bytes = sum(jar.size_bytes for jar in expected)
    given_up = threading.Event()

    def fetch(jar: Jar) -> None:
        if given_up.is_set():  # the first that fails says enough of this repository
            return
        try:
            _download_jar(client, place.url, folder, jar)
        except BaseException:
            given_up.set()
            raise

    with (
        httpx.Client(
            auth=place.login,
            proxy=place.proxy,
            verify=trusted,
            timeout=REQUEST_TIMEOUT_SECONDS,
            follow_redirects=True,
        ) as client,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        waiting: set[Future[None]] = {pool.submit(fetch, jar) for jar in expected}
        try:
            while waiting:
                with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
                    advance(sum(p.stat().st_size for p in folder.iterdir()), total_bytes)
                done, waiting = wait(waiting, PAUSE_SECONDS / 5, FIRST_EXCEPTION)
                for job in done:
                    job.result()
        finally:
            pool.shutdown(cancel_futures=True)
    advance(total_bytes, total_bytes)


def _download_jar(client: httpx.Client, url: str, folder: Path, jar: Jar) -> None:
    target, part = folder / jar.name, folder / f"{jar.name}.part"
    if target.is_file() and _sha256(target) == jar.sha256:
        return
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _download_rest(client, f"{url.rstrip('/')}/{jar.path}", part, jar.size_bytes)
            break
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            if attempt == ATTEMPTS or not _may_pass(error):
                raise
            time.sleep(backoff_seconds(attempt, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
    actual = _sha256(part)
    if actual != jar.sha256:
        part.unlink()
        raise StackError(
            f"{jar.name} of {httpx.URL(url).host} has SHA-256 {actual}, expected {jar.sha256}: "
            "do not trust that source"
        )
    part.rename(target)


def _download_rest(client: httpx.Client, url: str, part: Path, size_bytes: int) -> None:
    start = part.stat().st_size if part.exists() else 0
    # as it is: the hash is that of the jar, and a range is one of its bytes
    headers = {"Accept-Encoding": "identity"}
    if 0 < start < size_bytes:
        headers["Range"] = f"bytes={start}-"
    with client.stream("GET", url, headers=headers) as answer:
        answer.raise_for_status()
        goes_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
        with part.open("ab" if goes_on else "wb") as stream:
            for chunk in answer.iter_raw():
                stream.write(chunk)


_UNREACHABLE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def _may_pass(error: httpx.HTTPError) -> bool:
    """Whether another try can help: a broken connection, or a server in trouble."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error or error.response.status_code == 429  # noqa: PLR2004
    return not isinstance(error, _UNREACHABLE)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
