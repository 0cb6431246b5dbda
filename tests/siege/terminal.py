"""What people at a terminal see of names and records that attackers wrote."""

import asyncio
import os
import subprocess
import sys
import unicodedata
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from common.strangers import one_line
from tests.siege.attacks import HOSTILE_TEXTS
from tests.support.burnrate_service import eventually, publish
from tests.support.servers.stack import Stack

COMMANDS: Final = (("keys", "list"), ("dlq", "list"), ("dlq", "sums"), ("status",))


async def terminal_faults(stack: Stack) -> list[str]:
    """Let attackers name keys and write records; return what commands then show that they must not.

    Records that are no event reach the dead letters as they are; of names some are refused.
    """
    names = [text for text in HOSTILE_TEXTS if _is_name_of_key(stack, text)]
    records = [text.encode() for text in HOSTILE_TEXTS]
    await publish(stack.variables["KAFKA_BOOTSTRAP_SERVERS"], records)
    await eventually(partial(_are_dead_letters, stack), expected=True)
    faults = []
    for command in COMMANDS:
        done = await asyncio.to_thread(_run, stack, *command)
        said = " ".join(command)
        if done.returncode:
            faults.append(f"`burnline {said}` ended with {done.returncode}: {done.stderr[-300:]}")
        if found := {c for c in done.stdout if unicodedata.category(c)[0] == "C"} - {"\n"}:
            faults.append(f"`burnline {said}` wrote {sorted(map(ascii, found))}")
        if command == ("keys", "list"):
            missing = [name for name in names if one_line(name) not in done.stdout]
            faults += [f"`burnline {said}` does not show {name!a}" for name in missing]
    return faults


def _is_name_of_key(stack: Stack, text: str) -> bool:
    """Make a key of this name; return whether there is one now."""
    with stack.client() as client:
        answer = client.post("/api/keys", json={"name": text, "scopes": ["read"]})
    return answer.status_code == httpx.codes.CREATED


async def _are_dead_letters(stack: Stack) -> bool:
    with stack.client() as client:
        found = client.get("/api/ingest/dead-letters?limit=500").json()
    return {dead_letter["value"] for dead_letter in found} >= {*HOSTILE_TEXTS}


def _run(stack: Stack, *command: str) -> "subprocess.CompletedProcess[str]":
    burnline = str(Path(sys.executable).with_name("burnline"))
    given = {"BURNLINE_URL": stack.api_url, "BURNLINE_DATA_DIR": str(stack.data_dir.path)}
    environment = {**os.environ, **stack.variables, **given, "COLUMNS": "200"}
    return subprocess.run(
        (burnline, *command), env=environment, capture_output=True, text=True, check=False
    )
