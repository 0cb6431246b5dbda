"""Each way to run it without Docker, as it is written down: the very commands."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from burnline.localstack.dashboard import ensure_modules, frontend_dir
from burnline.localstack.places import project_root
from burnline.localstack.processes import ProcessIdentity, end_processes
from burnline.localstack.runtimes import NODE, ensure, search_path
from tests.support.servers.running import held_port
from tests.support.waiting import PATIENCE_SECONDS

PROGRAMS: Final = Path(sys.executable).parent
STOP_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.1
STAYS_UP_SECONDS: Final = 2.0


@contextlib.contextmanager
def running(
    command: tuple[str, ...], folder: Path, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    identity = ProcessIdentity.of(process.pid)
    assert identity is not None
    try:
        yield process
    finally:
        end_processes([identity], STOP_SECONDS)
        process.wait()


def wait_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> httpx.Response:
    """Return the first answer; AssertionError with the log where there is none."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False)
        time.sleep(POLL_SECONDS)
    pytest.fail(f"no answer of {url}\n{log.read_text()}")


async def query(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url, ssl=False)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


def test_alembic_upgrade_head_on_an_empty_database(new_database: Callable[[], str]) -> None:
    template = new_database()
    asyncio.run(query(template, "CREATE DATABASE sre_platform TEMPLATE template0"))
    url = template.rpartition("/")[0] + "/sre_platform"
    assert url.startswith("postgresql://")
    for _ in range(2):  # the second time there is nothing to do
        done = subprocess.run(
            (str(PROGRAMS / "alembic"), "upgrade", "head"),
            cwd=project_root(),
            env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    heads = ScriptDirectory.from_config(Config(project_root() / "alembic.ini")).get_heads()
    [(version,)] = asyncio.run(query(url, "SELECT version_num FROM public.alembic_version"))
    assert [version] == heads
    schemas = "SELECT DISTINCT table_schema FROM information_schema.tables"
    made = {name for (name,) in asyncio.run(query(url, schemas))}
    assert {"catalog", "burnrate", "forecast", "gate", "alerts"} <= made


def test_the_api_by_uvicorn_without_kafka_stays_up_and_says_so(
    postgres_url: str, tmp_path: Path
) -> None:
    port, nobody, log = held_port(), held_port(), tmp_path / "api.log"
    command = (str(PROGRAMS / "uvicorn"), "api_gateway.app:app", "--port", str(port))
    with running(
        command,
        project_root(),
        log,
        DATABASE_URL=postgres_url,
        KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{nobody}",
        DEBUG="true",
    ) as process:
        url = f"http://127.0.0.1:{port}"
        assert wait_answer(f"{url}/healthz", process, log).status_code == 200
        until = time.monotonic() + STAYS_UP_SECONDS
        while time.monotonic() < until:
            ready = httpx.get(f"{url}/readyz", timeout=PATIENCE_SECONDS, trust_env=False)
            assert ready.status_code == 503
            assert {"read_model"} <= set(ready.json()["failing"]) <= {"read_model", "keys"}
            time.sleep(POLL_SECONDS)
        services = httpx.get(f"{url}/api/services", timeout=PATIENCE_SECONDS, trust_env=False)
        assert (services.status_code, services.json()) == (200, [])
        assert (
            httpx.get(f"{url}/docs", timeout=PATIENCE_SECONDS, trust_env=False).status_code == 200
        )
        assert process.poll() is None
    written = log.read_text()
    assert '"event": "request_served"' in written  # DEBUG is on
    assert "Traceback" not in services.text + ready.text


@pytest.fixture
def gateway() -> Iterator[str]:
    """An address that answers what it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"asked for {self.path}".encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.servers  # Node.js has to be there, and its packages
def test_npm_run_dev_shows_the_dashboard_and_passes_the_api_on(
    gateway: str, tmp_path: Path
) -> None:
    ensure_modules(frontend_dir())
    port, log = held_port(), tmp_path / "vite.log"
    command = ("npm", "run", "dev", "--", "--port", str(port), "--strictPort")
    path = search_path(ensure(NODE, print))
    with running(command, frontend_dir(), log, BURNLINE_URL=gateway, PATH=path) as process:
        page = wait_answer(f"http://127.0.0.1:{port}/", process, log)
        assert page.status_code == 200
        assert "/src/main.tsx" in page.text
        path = "/api/slo/checkout?x=1"
        answer = httpx.get(
            f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_SECONDS, trust_env=False
        )
        assert answer.text == f"asked for {path}"
