"""The dashboard in Debian's Chromium, on a whole stack: what a person sees and does."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from burnline.localstack.dashboard import ensure_dashboard, ensure_modules, frontend_dir
from burnline.localstack.runtimes import NODE, ensure, search_path
from common.config.clock import rfc3339
from tests.support.burnrate_service import publish
from tests.support.servers.stack import Stack

BROWSER_TIMEOUT_SECONDS: Final = 600
MOST_SCRIPT_BYTES: Final = 250_000


@pytest.fixture(scope="session")
def dashboard() -> Path:
    """The built dashboard."""
    ensure_modules(frontend_dir())
    return ensure_dashboard()


@pytest.mark.slow  # builds the dashboard
def test_the_overview_needs_little_script(dashboard: Path) -> None:
    """What the first page loads, compressed; charts come with the pages that draw them."""
    page = (dashboard / "index.html").read_text()
    scripts = re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', page)
    assert scripts
    sizes = {name: (dashboard / f"{name}.gz").stat().st_size for name in scripts}
    assert sum(sizes.values()) < MOST_SCRIPT_BYTES, sizes
    assert not any("recharts" in (dashboard / name).read_text() for name in scripts)


def test_a_person_uses_the_dashboard(new_stack: Callable[..., Stack], dashboard: Path) -> None:
    assert shutil.which("chromium"), "apt-get install chromium"
    stack = new_stack(BURNLINE_DASHBOARD_DIR=str(dashboard))
    asyncio.run(publish(stack.variables["KAFKA_BOOTSTRAP_SERVERS"], [_without_total()]))
    environment = {
        **os.environ,
        "PATH": search_path(ensure(NODE, print)),
        "BURNLINE_URL": stack.api_url,
        "BURNLINE_INGEST_URL": stack.ingest_url,
        "BURNLINE_API_TOKEN": stack.variables["BURNLINE_API_TOKEN"],
        "CI": "true",
    }
    vitest = frontend_dir() / "node_modules" / "vitest" / "vitest.mjs"
    done = subprocess.run(
        ("node", str(vitest), "run", "--config", "vitest.e2e.config.ts"),
        cwd=frontend_dir(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=BROWSER_TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def _without_total() -> bytes:
    """A record that cannot be counted: it waits among the dead letters for who corrects it."""
    bad = {"service": "letters", "timestamp": rfc3339(datetime.now(UTC)), "bad": 1}
    return json.dumps(bad).encode()
