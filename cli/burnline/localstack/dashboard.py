"""The built dashboard: made by Node.js, kept by the content of its sources, outside the clone."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack.places import cache_dir, exclusive, project_root, require_space
from burnline.localstack.processes import bound_to_this, run
from burnline.localstack.runtimes import NODE, ensure, search_path

DIRECTORY_VARIABLE: Final = "BURNLINE_DASHBOARD_DIR"
SOURCES: Final = ("src", "public", "index.html", "package-lock.json", "vite.config.ts")
KEPT_BUILDS: Final = 5
BUILD_TIMEOUT_SECONDS: Final = 600
OUTPUT_LINES: Final = 15
NEEDED_BYTES: Final = 400_000_000
TO_BUILD: Final = "to build"
PACKED: Final = frozenset({".js", ".css", ".html", ".svg"})


def frontend_dir() -> Path:
    """Where the dashboard's sources are."""
    return project_root() / "frontend"


def content_hash(folder: Path) -> str:
    """A name for what a build of this folder holds: 16 hexadecimal digits over its sources."""
    digest = hashlib.sha256()
    for path in _sources(folder):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def dashboard_dir() -> Path:
    """Where the dashboard of these sources is, the caller's own or the one that is built."""
    given = os.environ.get(DIRECTORY_VARIABLE)
    return Path(given) if given else cache_dir() / "dashboard" / content_hash(frontend_dir())


def ensure_dashboard(say: Callable[[str], None] = print) -> Path:
    """The folder of the dashboard, built first where it is not there.

    Raises StackError where Node.js cannot be had or the build fails.
    """
    target = dashboard_dir()
    if os.environ.get(DIRECTORY_VARIABLE):
        return target
    if not target.is_dir():
        with exclusive(target.parent / "build.lock"):
            if not target.is_dir():
                require_space(target, NEEDED_BYTES)
                _build(frontend_dir(), target, say)
    target.touch()
    return target


def ensure_modules(
    folder: Path, say: Callable[[str], None] = print, *, only_to_build: bool = False
) -> None:
    """Install the packages that the lock file names, or those of a build, unless they are."""
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed"
    installed = stamp.read_text() if stamp.is_file() else ""
    if installed == lock or (only_to_build and installed == f"{lock} {TO_BUILD}"):
        return
    options = ("--ignore-scripts", "--no-audit", "--no-fund")
    omitted = ("--omit=dev",) if only_to_build else ()
    _run(folder, "npm", ensure(NODE, say), "ci", *options, *omitted)
    stamp.write_text(f"{lock} {TO_BUILD}" if only_to_build else lock)


def _sources(folder: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = folder / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (p for p in found if p.is_file() and ".test." not in p.name)


def _build(folder: Path, target: Path, say: Callable[[str], None]) -> None:
    programs = ensure(NODE, say)
    say("building the dashboard (once for each version of it)")
    ensure_modules(folder, say, only_to_build=True)
    for stale in target.parent.glob("partial-*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=target.parent))
    try:
        vite = folder / "node_modules" / "vite" / "bin" / "vite.js"
        options = ("build", "--outDir", str(partial), "--emptyOutDir")
        _run(folder, "node", programs, str(vite), *options)
        _pack(partial)
        partial.chmod(0o755)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _forget_old(target.parent)


def _pack(folder: Path) -> None:
    for path in [p for p in folder.rglob("*") if p.suffix in PACKED]:
        packed = gzip.compress(path.read_bytes(), 9, mtime=0)
        path.with_name(f"{path.name}.gz").write_bytes(packed)


def _forget_old(kept_in: Path) -> None:
    builds = [path for path in kept_in.iterdir() if path.is_dir()]
    for path in sorted(builds, key=lambda p: p.stat().st_mtime)[:-KEPT_BUILDS]:
        shutil.rmtree(path, ignore_errors=True)


def _run(folder: Path, name: str, programs: Mapping[str, str], *arguments: str) -> None:
    command = (programs[name], *arguments)
    try:
        done = run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": search_path(programs)},
            stdin=subprocess.DEVNULL,
            timeout=BUILD_TIMEOUT_SECONDS,
            preexec_fn=bound_to_this(),
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{command[0]} did not end in {BUILD_TIMEOUT_SECONDS} s") from error
    if done.returncode != 0:
        said = "\n".join((done.stderr + done.stdout).splitlines()[:OUTPUT_LINES])
        raise StackError(f"{' '.join(command[:2])} failed:\n{said}")


def main() -> None:
    """`modules` installs the packages; `build` prints where the built dashboard is."""
    try:
        if sys.argv[1:] == ["modules"]:
            ensure_modules(frontend_dir())
        elif sys.argv[1:] == ["build"]:
            sys.stdout.write(f"{ensure_dashboard(say=lambda _: None)}\n")
        else:
            sys.exit("usage: python -m burnline.localstack.dashboard modules|build")
    except StackError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
