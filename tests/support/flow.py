"""What whole-flow tests do again and again: send, import, wait for a figure, read it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.support.burnrate_service import query
from tests.support.servers.stack import Stack
from tests.support.waiting import PATIENCE_SECONDS


def send(stack: Stack, events: list[dict[str, Any]]) -> None:
    """Post events; all must be accepted."""
    answer = _asked(stack, "POST", f"{stack.ingest_url}/v1/events", 202, events)
    assert answer["accepted"] == len(events), answer


def create_target(stack: Stack, service: str, **target: Any) -> Any:
    """Create a target; the service must be known."""
    return _asked(stack, "POST", f"/api/slo/{service}/targets", 201, target)


def create_service(stack: Stack, name: str, tier: int = 2) -> None:
    """Declare a service."""
    _asked(stack, "POST", "/api/services", 201, {"name": name, "tier": tier, "owner": "team"})


def get(stack: Stack, path: str) -> Any:
    """Return the JSON that a path answers with 200."""
    return _asked(stack, "GET", path, 200)


def _asked(stack: Stack, method: str, path: str, status: int, body: object = None) -> Any:
    with stack.client() as client:
        answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def write(stack: Stack, method: str, path: str, body: object) -> httpx.Response:
    """Send a write; return its answer, whatever that is."""
    with stack.client() as client:
        return client.request(method, path, json=body)


def command(
    stack: Stack, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run `burnline` against the stack's addresses, whatever it ends with."""
    return subprocess.run(
        (str(Path(sys.executable).with_name("burnline")), *arguments),
        env={**os.environ, **stack.variables, "BURNLINE_URL": stack.api_url, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def wait_for(
    stack: Stack, path: str, holds: Callable[[Any], bool], seconds: float = PATIENCE_SECONDS
) -> Any:
    """Read a path until its answer is as wanted; fail with what it answered last."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        with stack.client() as client:
            answer = client.get(path)
        last = answer.text
        if answer.status_code == 200 and holds(answer.json()):
            return answer.json()
        time.sleep(0.2)
    raise AssertionError(f"{path} did not become as wanted; last: {last}")


def start_import(stack: Stack, file: Path, *options: str) -> "subprocess.Popen[str]":
    """Start `burnline import`."""
    return subprocess.Popen(
        (str(Path(sys.executable).with_name("burnline")), "import", str(file), *options),
        env={**os.environ, **stack.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_import(stack: Stack, file: Path, *options: str) -> str:
    """Run `burnline import`, which must succeed; return what it printed."""
    process = start_import(stack, file, *options)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def rows(stack: Stack, sql: str) -> list[asyncpg.Record]:
    """Return the rows of a query in the stack's database."""
    return asyncio.run(query(stack.variables["DATABASE_URL"], sql))


def convert_petshop(metrics: Path, into: Path) -> Path:
    """Run the PetShop converter."""
    script = Path(__file__).parents[2] / "examples" / "petshop" / "convert.py"
    done = subprocess.run(
        (sys.executable, str(script), str(metrics)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    into.write_text(done.stdout)
    return into
