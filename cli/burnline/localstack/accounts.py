"""The account that PostgreSQL runs as: it refuses root, so root lends it another."""

import os
import pwd
import subprocess
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack.command import Account

CANDIDATES: Final = ("postgres", "nobody")


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
    return subprocess.run(  # noqa: S603 - commands of our own
        argv,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )
