"""`burnline lint`: what SLO files become here, without a server."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from burnline.errors import StackError
from common.documents.lint import documents, lines
from common.documents.lint import lint as lint_files
from common.documents.outcome import Linted
from common.documents.reader import MAX_CHARACTERS
from common.documents.writer import as_yaml
from common.strangers import one_line

ENDINGS: Final = (".yaml", ".yml", ".json")
REFUSED: Final = 1
FIELDS: Final = (
    "file", "document", "kind", "name", "format", "verdict", "notes", "code", "path", "reason",
    "line",
)  # fmt: skip


def lint(
    files: Annotated[
        list[str],
        typer.Option("--file", "-f", help="a file, a folder or - for what is piped in; may repeat"),
    ],
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-R", help="folders with what is below them")
    ] = False,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    to: Annotated[
        Literal["burnline"] | None,
        typer.Option(help="print the documents of burnline/v1 that the files say"),
    ] = None,
) -> None:
    """Say of each document of SLO files whether it can be taken, and what is read otherwise.

    Reads burnline/v1, Sloth, Pyrra and OpenSLO, and asks no server. Exits with 0 if all can be
    taken, with or without notes, and with 1 if one is refused.
    """
    entries = lint_files(_texts(files, recursive=recursive))
    if not entries:
        raise StackError("no documents in these files; name YAML or JSON files that have some")
    refused = [entry for entry in entries if entry.code]
    if to is None:
        typer.echo(
            json.dumps([as_json(e) for e in entries]) if output == "json" else _text(entries)
        )
    else:
        typer.echo(_text(entries), err=True)
        if not refused:
            typer.echo(as_yaml(documents(entries)), nl=False)
    if refused:
        raise typer.Exit(REFUSED)


def as_json(entry: Linted) -> dict[str, Any]:
    """Return an entry as it is printed for programs."""
    found = {name: getattr(entry, name) for name in FIELDS}
    return found | {"notes": [asdict(note) for note in entry.notes]}


def _text(entries: Sequence[Linted]) -> str:
    return "\n".join(
        one_line(line) if line[0] != " " else f"  {one_line(line)}" for line in lines(entries)
    )


def _texts(names: Sequence[str], *, recursive: bool) -> Iterator[tuple[str, str]]:
    for name in names:
        if name == "-":
            yield "-", _decoded(sys.stdin.buffer.read(4 * MAX_CHARACTERS + 1), "-")
            continue
        for path in _paths(Path(name), recursive=recursive):
            with path.open("rb") as file:
                yield str(path), _decoded(file.read(4 * MAX_CHARACTERS + 1), str(path))


def _paths(path: Path, *, recursive: bool) -> list[Path]:
    if not path.exists():
        raise StackError(f"{path}: there is no such file or folder")
    if not path.is_dir():
        return [path]
    found = sorted(
        p for p in path.glob("**/*" if recursive else "*") if p.suffix in ENDINGS and p.is_file()
    )
    if not found:
        deeper = "" if recursive else ", or add -R for the folders below"
        raise StackError(f"{path}: holds no file that ends in {', '.join(ENDINGS)}{deeper}")
    return found


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StackError(f"{name}: is no UTF-8 text at byte {error.start}; save it so") from None
