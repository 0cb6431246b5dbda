"""The code blocks of our documents, and a shell that runs them as a reader does."""

import asyncio
import os
import re
import sys
import textwrap
from pathlib import Path
from typing import Final

from tests.support.waiting import PATIENCE_SECONDS

DOCUMENTS: Final = Path(__file__).parents[2] / "docs"


def blocks(document: Path, language: str) -> list[str]:
    """Return the code blocks of a document that are in this language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def section(document: Path, heading: str) -> str:
    """Return a section's text, from its heading of any level to the next of that level."""
    found = re.search(
        rf"^(#+) {re.escape(heading)}\n(.*?)(?=^\1 |\Z)",
        document.read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert found is not None, f"{document.name} has no section {heading!r}"
    return found[2]


def section_blocks(document: Path, heading: str, language: str = "sh") -> list[str]:
    """Return the code blocks of a section that are in this language, in order."""
    found = re.findall(
        rf"^ *```{language}\n(.*?)^ *```", section(document, heading), re.DOTALL | re.MULTILINE
    )
    return [textwrap.dedent(block) for block in found]


async def bash(
    script: str,
    *,
    folder: Path | None = None,
    timeout_seconds: float = PATIENCE_SECONDS,
    **environment: str,
) -> tuple[int, str]:
    """Run a script as a pipeline does, with our commands; return its status and what it printed."""
    commands = environment.pop("PATH", str(Path(sys.executable).parent))
    inherited = {"PATH": f"{commands}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/")}
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-eo",
        "pipefail",
        "-c",
        script,
        cwd=folder,
        env={**inherited, "NO_PROXY": "*", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), timeout_seconds)
    return process.returncode or 0, printed.decode()
