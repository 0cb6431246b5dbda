"""`burnline lint`: files, folders and what is piped in; what it prints and how it ends."""

import json
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from burnline.main import make_app

GOOD: Final = "apiVersion: burnline/v1\nkind: Service\nmetadata: {name: shop}\n"
BAD: Final = GOOD + "spec: {descripton: x}\n"


def run(*arguments: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(make_app("lint"), ["lint", *arguments], input=given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "below" / "b.json").write_text(
        '{"apiVersion": "burnline/v1", "kind": "Service", "metadata": {"name": "b"}}'
    )
    (tmp_path / "README.md").write_text("# no document")
    return tmp_path


def test_a_folder_is_read_and_with_what_is_below_it_when_asked(folder: Path) -> None:
    for more, names in ((), ["a.yaml"]), (("-R",), ["a.yaml", "b.json"]):
        result = run("-f", str(folder), *more, "--format", "json")
        assert result.exit_code == 0
        found = json.loads(result.stdout)
        assert [Path(entry["file"]).name for entry in found] == names
        assert list(found[0]) == [
            "file", "document", "kind", "name", "format", "verdict", "notes", "code", "path",
            "reason", "line",
        ]  # fmt: skip


def test_a_refused_document_ends_with_1_and_names_file_line_and_path(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD + "---\n" + BAD)
    result = run("-f", str(file))
    assert result.exit_code == 1
    assert f"{file}:8: document 2 (burnline) Service shop: refused" in result.stdout
    assert "spec.descripton: " in result.stdout
    assert "[unknown_field]" in result.stdout


def test_documents_of_ours_are_printed_and_can_be_piped_in_again() -> None:
    pyrra = (
        b"apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {name: shop}\n"
        b"spec:\n  target: '99'\n  window: 4w\n  indicator:\n"
        b"    ratio: {errors: {metric: bad_total}, total: {metric: all_total}}\n"
    )
    first = run("-f", "-", "--to", "burnline", given=pyrra)
    assert first.exit_code == 0
    assert first.stdout.count("apiVersion: burnline/v1") == 3
    assert "service_assumed" in first.stderr
    again = run("-f", "-", "--to", "burnline", given=first.stdout.encode())
    assert again.stdout == first.stdout


def test_nothing_is_printed_where_one_document_is_refused() -> None:
    result = run("-f", "-", "--to", "burnline", given=(GOOD + "---\n" + BAD).encode())
    assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize(
    ("given", "said"), [(b"", "no documents"), (b"# only a comment", "no documents"),
                        (b"a: \xff", "no UTF-8")],
)  # fmt: skip
def test_what_holds_no_document_is_an_error(given: bytes, said: str) -> None:
    result = run("-f", "-", given=given)
    assert result.exit_code == 1
    assert said in str(result.exception)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = run("-f", str(tmp_path / "none.yaml"))
    assert "none.yaml: there is no such file" in str(result.exception)
    (tmp_path / "empty").mkdir()
    result = run("-f", str(tmp_path / "empty"))
    assert "holds no file that ends in" in str(result.exception)


def test_controls_of_a_terminal_in_a_document_are_not_printed() -> None:
    result = run("-f", "-", given=b'apiVersion: "x\\e[2J"\nkind: "S\\e[31m"\n')
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
