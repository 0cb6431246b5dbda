"""What the documents tell readers to type is typed here, and does what they say."""

import re
import sys
from pathlib import Path
from typing import Final

import pytest

from burnline.localstack.places import project_root
from tests.support.servers.stack import Stack
from tests.support.shell_blocks import DOCUMENTS, bash, blocks

QUICKSTART: Final = DOCUMENTS / "quickstart.md"
README: Final = project_root() / "README.md"
SECONDS: Final = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader's files may go; our commands are where the project has them."""
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    return tmp_path


async def test_the_commands_of_the_readme(stack: Stack, folder: Path) -> None:
    event = '{"service":"readme","source":"s","timestamp":"2026-01-01T00:00:00Z","total":9,"bad":1}'
    (folder / "events.ndjson").write_text(f"{event}\n")
    [script] = [block for block in blocks(README, "sh") if "burnline env" in block]
    # twenty bad ones of ten thousand are twice what 99.9 % allows: the exit status says so
    gate = ".venv/bin/burnline gate check checkout"
    script = script.replace(gate, f"{gate} || [ $? = 3 ] #")
    status, printed = await bash(
        as_a_reader_types(script),
        folder=folder,
        timeout_seconds=SECONDS,
        BURNLINE_DATA_DIR=str(stack.data_dir.path),
    )
    assert status == 0, printed
    for expected in ('"accepted":1', '"burn_rate_5m":', '"forecast_message":', "BLOCK: checkout"):
        assert expected in printed, printed


def as_a_reader_types(script: str) -> str:
    """Let the script wait where a reader does, who types no faster than events are counted."""
    first_look = 'curl -s "$BURNLINE_URL/api/slo/checkout"\n'
    assert first_look in script
    until = (
        'until curl -sf "$BURNLINE_URL/api/release/checkout" '
        '&& curl -sf "$BURNLINE_URL/api/forecast/checkout"; do sleep 0.2; done\n'
    )
    return script.replace(first_look, until + first_look)


async def test_the_quickstart_from_start_to_stop(stack: Stack, folder: Path) -> None:
    script = re.sub(
        r"(?m)^make ", f"make -C {project_root()} ", "\n".join(blocks(QUICKSTART, "sh"))
    )
    alerts = 'curl -sS "$BURNLINE_URL/api/alerts/webshop"'
    assert alerts in script
    # a reader looks no sooner than alerts has evaluated the burn that the gate knows of
    until = f"until {alerts} | grep -q burn-rate-page; do sleep 0.2; done\n"
    status, printed = await bash(
        script.replace(alerts, until + alerts),
        folder=folder,
        timeout_seconds=SECONDS,
        BURNLINE_DATA_DIR=str(stack.data_dir.path),
    )
    assert status == 0, printed
    for expected in (
        "already running",
        '"owner":"shop"',
        '"accepted":1',
        '"decision":"BLOCK"',
        "not now: exit status 3",
        '"forecast_message":',
        '"narrative":',
        '"rule":"burn-rate-page"',
        '"decision":"ALLOW"',
        "event: ",
        "stopped",
    ):
        assert expected in printed, f"{expected}\n{printed}"
