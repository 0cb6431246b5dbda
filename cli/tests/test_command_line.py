"""The `burnline` command knows all its subcommands, and imports only what the asked one needs."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burnline.localstack.state import StackState
from burnline.main import COMMANDS, HELP, make_app

pytestmark = pytest.mark.slow

TELL_IMPORTS = """
import atexit, sys
from burnline.localstack.state import StackState
from burnline.main import main
heavy = {"faststream", "sqlalchemy"}
atexit.register(lambda: print("imported:", *sorted(heavy & sys.modules.keys())))
main()
"""


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (sys.executable, "-c", TELL_IMPORTS, *arguments),
        capture_output=True,
        text=True,
        check=False,
        env={"BURNLINE_DATA_DIR": str(folder)},
    )


def test_the_whole_command_line_names_every_subcommand() -> None:
    result = CliRunner().invoke(make_app(), ["--help"])
    assert HELP in " ".join(result.output.split())
    assert all(f" {name} " in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", ["down", "env", "logs"])
def test_a_command_that_asks_no_database_imports_no_client_of_one(
    name: str, tmp_path: Path
) -> None:
    done = run(tmp_path, name)
    assert done.stdout.splitlines()[-1] == "imported:", done.stdout + done.stderr


def test_the_only_command_that_is_loaded_is_still_a_subcommand(tmp_path: Path) -> None:
    done = run(tmp_path, "import", str(tmp_path / "missing"), "--import-id", "a b")
    assert "give 1 to 128 ASCII characters" in done.stderr
    assert "sqlalchemy" in done.stdout


def test_an_error_is_told_without_a_trace(tmp_path: Path) -> None:
    done = run(tmp_path, "status")
    assert (done.returncode, done.stderr) == (1, "error: nothing is running: burnline up\n")


def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


def test_what_env_prints_is_exported_unless_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variables = {"BURNLINE_HOST": "127.0.0.1", "BURNLINE_PORT": "8000", "DATABASE_URL": "a b'$c"}
    state = StackState("running", None, environment={**variables, "BURNLINE_INGEST_PORT": "8001"})
    monkeypatch.setattr("burnline.commands.env.read_running", lambda _: state)
    app = make_app()
    exported = CliRunner().invoke(app, ["env"]).output
    shell = ["sh", "-c", 'eval "$1"; sh -c \'echo "$BURNLINE_URL $DATABASE_URL"\'', "sh"]
    shown = [
        subprocess.run([*shell, text], capture_output=True, text=True, check=True, env={}).stdout
        for text in (exported, CliRunner().invoke(app, ["env", "--no-export"]).output)
    ]
    assert shown == ["http://127.0.0.1:8000 a b'$c\n", " \n"]
