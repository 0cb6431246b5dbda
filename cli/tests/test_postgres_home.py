"""Where the embedded PostgreSQL lives, and the pid file that a killed server leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from burnline.localstack.config import DataDir
from burnline.localstack.postgres import PID_FILE, drop_stale_pid_file
from burnline.localstack.postgres_home import (
    SYSTEM_DATA,
    can_enter,
    can_run,
    forget_home,
    open_home,
    unprivileged_account,
    wheel_binaries,
)

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its account")


def test_the_home_is_ours_alone_and_keeps_its_password(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path)
    home = open_home(data_dir)
    again = open_home(data_dir)
    assert (again.directory, again.password) == (home.directory, home.password)
    assert home.directory.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "postgres.json").stat().st_mode & 0o777 == 0o600
    forget_home(data_dir)
    assert not home.directory.exists()
    assert open_home(data_dir).password != home.password
    forget_home(data_dir)


@AS_ROOT
def test_below_a_closed_folder_root_lends_the_account_a_folder_elsewhere(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "data").mkdir()
    account = unprivileged_account()
    assert account is not None
    assert not can_enter(account, closed / "data")
    home = open_home(DataDir(closed / "data"))
    assert home.directory.parent == SYSTEM_DATA
    assert home.directory.stat().st_uid == account.uid
    assert closed.stat().st_mode & 0o777 == 0o700
    forget_home(DataDir(closed / "data"))
    assert not home.directory.exists()


@AS_ROOT
def test_what_a_lost_data_directory_left_elsewhere_is_not_taken_over(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    home = open_home(DataDir(tmp_path))
    (home.directory / "data").mkdir()
    (tmp_path / "postgres.json").unlink()
    assert not (open_home(DataDir(tmp_path)).directory / "data").exists()
    forget_home(DataDir(tmp_path))


def test_the_wheel_s_programs_run_here() -> None:
    assert can_run(None, wheel_binaries() / "bin" / "initdb")
    assert not can_run(None, wheel_binaries() / "bin" / "no-such-program")


def test_a_pid_file_of_a_stranger_is_dropped(tmp_path: Path) -> None:
    (tmp_path / PID_FILE).write_text(f"{os.getpid()}\n{tmp_path}\n")
    drop_stale_pid_file(tmp_path)
    assert not (tmp_path / PID_FILE).exists()


def test_a_pid_file_stays_while_someone_works_in_the_data_folder(tmp_path: Path) -> None:
    pid_file = tmp_path / PID_FILE
    with subprocess.Popen((sys.executable, "-c", "input()"), cwd=tmp_path, stdin=-1) as process:
        pid_file.write_text(f"{process.pid}\n{tmp_path}\n")
        drop_stale_pid_file(tmp_path)
        process.kill()
    assert pid_file.exists()


def test_a_pid_file_of_a_dead_server_is_left_to_postgresql(tmp_path: Path) -> None:
    (tmp_path / PID_FILE).write_text(f"{2**22 + 1}\n")
    drop_stale_pid_file(tmp_path)
    assert (tmp_path / PID_FILE).exists()
