"""The built dashboard: made by Node.js, kept by the content of its sources, outside the clone."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack.artifacts import cache_dir, exclusive
from burnline.localstack.config import project_root

DIRECTORY_VARIABLE: Final = "BURNLINE_DASHBOARD_DIR"
SOURCES: Final = ("src", "public", "index.html", "package-lock.json", "vite.config.ts")
KEPT_BUILDS: Final = 5
BUILD_TIMEOUT_SECONDS: Final = 600
OUTPUT_LINES: Final = 15
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


def ensure_dashboard(say: Callable[[str], None] = print) -> Path:
    """The folder of the built dashboard, the caller's own or built first where it is not there.

    Raises StackError where Node.js is missing or the build fails.
    """
    if given := os.environ.get(DIRECTORY_VARIABLE):
        return Path(given)
    folder = frontend_dir()
    target = cache_dir() / "dashboard" / content_hash(folder)
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(target.parent / "build.lock"):
            if not target.is_dir():
                say("building the dashboard (once for each version of it)")
                _build(folder, target)
    target.touch()
    return target


def ensure_modules(folder: Path) -> None:
    """Install the packages that the lock file names, unless they are."""
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    _run(folder, _command("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    stamp.write_text(lock)


def _sources(folder: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = folder / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (p for p in found if p.is_file() and ".test." not in p.name)


def _build(folder: Path, target: Path) -> None:
    ensure_modules(folder)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=target.parent))
    try:
        vite = folder / "node_modules" / "vite" / "bin" / "vite.js"
        _run(
            folder, _command("node"), str(vite), "build", "--outDir", str(partial), "--emptyOutDir"
        )
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


def _command(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StackError(f"{name} is not on the PATH: install Node.js 20.19 or newer")
    return found


def _run(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - found on the PATH
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_SECONDS,
            check=False,
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
