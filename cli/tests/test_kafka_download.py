"""Kafka's jars without Maven: fetched over HTTP, checked, gone on with after a break."""

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from burnline.errors import StackError
from burnline.localstack import artifacts
from burnline.localstack.artifacts import Jar, central_url, download, ensure_jars
from burnline.localstack.maven_settings import Repository

FILES = {f"org/some/part-{number}.jar": bytes([number]) * 300_000 for number in range(4)}
JARS = [Jar(p, len(body), hashlib.sha256(body).hexdigest()) for p, body in FILES.items()]
TOTAL_BYTES = sum(jar.size_bytes for jar in JARS)


class RepositoryServer(ThreadingHTTPServer):
    """A Maven repository; `breaks` counts answers that end half way, `ranges` what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RepositoryHandler)
        self.files = dict(FILES)
        self.breaks = 0
        self.knows_ranges = True
        self.ranges: list[str] = []
        self.sent_bytes = 0
        self.place = Repository(f"http://127.0.0.1:{self.server_port}/maven2")


class RepositoryHandler(BaseHTTPRequestHandler):
    server: RepositoryServer

    def do_GET(self) -> None:
        body = self.server.files.get(self.path.removeprefix("/maven2/"))
        if body is None:
            self.send_error(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.server.knows_ranges else 0
        if asked:
            self.server.ranges.append(self.headers["Range"])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = len(body)
        if self.server.breaks > 0:
            self.server.breaks -= 1
            end = start + (end - start) // 2
        self.wfile.write(body[start:end])
        self.server.sent_bytes += end - start

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def server() -> Iterator[RepositoryServer]:
    with RepositoryServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: RepositoryServer) -> Path:
    """A user without Maven, whose settings name the server as the mirror of everything."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MAVEN_ARGS", raising=False)
    monkeypatch.setattr(artifacts, "expected_jars", lambda: JARS)
    monkeypatch.setattr(artifacts, "PAUSE_SECONDS", 0.01)
    settings = tmp_path / ".m2" / "settings.xml"
    settings.parent.mkdir()
    settings.write_text(
        "<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf>"
        f"<url>{server.place.url}</url></mirror></mirrors></settings>"
    )
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


WHOLE = {path.rpartition("/")[2]: body for path, body in FILES.items()}


def test_where_maven_fails_they_are_fetched_without_it(
    bare: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program = bare / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho JAVA_HOME is not defined; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    assert contents(ensure_jars()) == WHOLE
    assert "JAVA_HOME is not defined" in caplog.text


def test_a_repository_that_cannot_be_reached_is_given_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(_client: object, url: str, *_: object) -> None:
        asked.append(url)
        raise httpx.ConnectTimeout("no answer")

    monkeypatch.setattr(artifacts, "_download_rest", refuse)
    many = [Jar(f"a/{n}.jar", 1, "") for n in range(60)]
    with pytest.raises(httpx.ConnectTimeout):
        download(Repository("http://127.0.0.1:1/maven2"), tmp_path, many, lambda *_: None)
    assert 1 <= len(asked) <= artifacts.CONNECTIONS


@pytest.mark.usefixtures("bare")
def test_all_is_fetched_from_the_user_s_mirror_once(server: RepositoryServer) -> None:
    seen: list[tuple[int, int]] = []
    said: list[str] = []
    folder = ensure_jars(said.append, lambda done, total: seen.append((done, total)))
    assert contents(folder) == WHOLE
    assert ensure_jars(said.append) == folder
    assert server.sent_bytes == TOTAL_BYTES
    assert said == [f"fetching Apache Kafka {artifacts.KAFKA_VERSION} (1 MB)"]
    assert seen[-1] == (TOTAL_BYTES, TOTAL_BYTES)
    assert sorted(seen) == seen


@pytest.mark.usefixtures("bare")
def test_a_connection_that_breaks_is_gone_on_with_where_it_broke(server: RepositoryServer) -> None:
    server.breaks = 3
    assert contents(ensure_jars()) == WHOLE
    assert len(server.ranges) == 3
    assert "bytes=150000-" in server.ranges
    assert server.sent_bytes == TOTAL_BYTES


@pytest.mark.usefixtures("bare")
def test_the_next_start_goes_on_where_a_failed_one_stopped(server: RepositoryServer) -> None:
    server.breaks = 1000
    with pytest.raises(StackError):
        ensure_jars()
    sent = server.sent_bytes
    assert 0 < sent < TOTAL_BYTES
    server.breaks = 0
    assert contents(ensure_jars()) == WHOLE
    assert server.sent_bytes == TOTAL_BYTES


def test_a_server_without_ranges_sends_it_again(tmp_path: Path, server: RepositoryServer) -> None:
    server.knows_ranges = False
    (tmp_path / f"{JARS[0].name}.part").write_bytes(b"\0" * 1000)
    download(server.place, tmp_path, JARS, lambda *_: None)
    assert contents(tmp_path) == WHOLE


@pytest.mark.usefixtures("bare")
def test_a_wrong_file_is_refused_and_not_kept(server: RepositoryServer) -> None:
    path = JARS[0].path
    server.files[path] = b"?" * JARS[0].size_bytes
    with pytest.raises(StackError, match=rf"{JARS[0].name} of 127.0.0.1 has SHA-256 .* expected"):
        ensure_jars()
    assert not artifacts.jars_dir().exists()
    server.files[path] = FILES[path]
    assert contents(ensure_jars()) == WHOLE


@pytest.mark.usefixtures("bare")
def test_a_repository_that_has_not_all_of_it_is_named(server: RepositoryServer) -> None:
    del server.files[JARS[0].path]
    with pytest.raises(StackError, match="Client error '404"):
        ensure_jars()


def test_where_nothing_is_reached_one_sentence_says_what_to_do(
    bare: Path, server: RepositoryServer
) -> None:
    settings = bare / ".m2" / "settings.xml"
    settings.write_text(settings.read_text().replace(str(server.server_port), "1"))
    with pytest.raises(StackError, match="HTTPS_PROXY, or set KAFKA_BOOTSTRAP") as caught:
        ensure_jars()
    assert "\n" not in str(caught.value)


def test_the_proxy_of_the_environment_is_used(
    tmp_path: Path, server: RepositoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, body in FILES.items():
        server.files[f"http://central.invalid/maven2/{path}"] = body
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    place = Repository("http://central.invalid/maven2")
    download(place, tmp_path, JARS, lambda *_: None)
    assert contents(tmp_path) == WHOLE


def test_too_little_space_is_said_before_anything_is_fetched(
    bare: Path, server: RepositoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnline.localstack.places.free_bytes", lambda _: 9_000_000)
    with pytest.raises(StackError, match=f"9 MB are free at {bare}.*51 MB are needed"):
        ensure_jars()
    assert server.sent_bytes == 0


def test_jgo_knows_the_central_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jgo").mkdir()
    (tmp_path / "jgo" / "__init__.py").write_text("raise AssertionError('nothing of it is run')")
    (tmp_path / "jgo" / "constants.py").write_text('MAVEN_CENTRAL_URL = "https://central.example"')
    monkeypatch.syspath_prepend(tmp_path)
    assert central_url() == "https://central.example"
