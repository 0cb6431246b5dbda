"""`burnline import`: a file of older events into the history, every line exactly once."""

import asyncio
import gzip
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import DBAPIError

from burnline.client.addresses import Addresses, addresses
from burnline.errors import StackError
from burnline.importing.file import (
    Advance,
    Classification,
    Good,
    classify_lines,
    file_id,
    newest_timestamp,
)
from burnline.importing.publish import Result, publish, wait_applied
from burnline.importing.shift import ShiftFile, shift_to
from burnline.localstack.kafka import silence_client_logs
from common.config.clock import rfc3339, system_clock
from common.config.settings import KafkaSettings
from common.kafka.client import Publisher, Sender
from common.strangers import one_line
from common.zstd import ZstdError, ZstdFile

STDIN: Final = Path("-")
_IMPORT_ID = re.compile(r"[\x21-\x7e]{1,128}")

OpenBar = Callable[[str], Advance]
"""Start a progress bar over the file; what it returns is called with the bytes read."""


def import_events(
    file: Annotated[
        Path, typer.Argument(help="events, one JSON object a line, also .gz or .zst; - for stdin")
    ],
    *,
    shift_to_now: Annotated[
        bool,
        typer.Option("--shift-to-now", help="move all timestamps so that the newest is now"),
    ] = False,
    import_id: Annotated[
        str | None,
        typer.Option(help="name of this import; the same name is counted once [SHA-256 of file]"),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="wait until the events are counted")
    ] = True,
    wait_seconds: Annotated[float, typer.Option(min=0, help="how long to wait at most")] = 120,
) -> None:
    """Import older events, up to 90 days back. Importing a file again changes nothing.

    An event with an id or a source counts once, in whichever file it comes again.
    """
    if import_id is not None and not _IMPORT_ID.fullmatch(import_id):
        raise StackError("--import-id: give 1 to 128 ASCII characters without spaces")
    where = addresses()
    with _readable(file) as path:
        result = asyncio.run(_import(path, where, import_id, shift_to_now=shift_to_now))
    _report(result)
    if wait and result.ends and where.database_url:
        _wait(where.database_url, result, wait_seconds)
    if result.refused:
        raise typer.Exit(1)


async def _import(
    path: Path, where: Addresses, import_id: str | None, *, shift_to_now: bool
) -> Result:
    kafka = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=where.bootstrap_servers)
    silence_client_logs()
    publisher = Publisher(kafka)
    try:
        with _progress(path) as bar:
            shifts = ShiftFile(where.data_dir.path / "imports.json")
            return await import_file(
                path, publisher, shifts, bar, import_id=import_id, shift_to_now=shift_to_now
            )
    finally:
        await publisher.stop()


async def import_file(  # noqa: PLR0913 - what an import is made of
    path: Path,
    publisher: Sender,
    shifts: ShiftFile,
    bar: OpenBar,
    *,
    import_id: str | None,
    shift_to_now: bool,
) -> Result:
    """Publish a file's good lines; its shift is decided and stored before the first of them."""
    import_id = import_id or file_id(path, bar("reading"))
    now = system_clock()
    shift = shifts.find(import_id)
    if shift is None:
        newest = newest_timestamp(path, bar("looking for the newest")) if shift_to_now else None
        shift = shift_to(newest, now) if newest else timedelta()
    else:
        typer.echo(_KNOWN.format(shift), err=True)
    lines = classify_lines(path, shift, now, bar("importing"))
    stored = _stored_first(lines, lambda: shifts.store(import_id, shift, now))
    return await publish(stored, import_id, publisher)


_KNOWN: Final = (
    "This import is known: lines that were counted are not counted again, and timestamps are "
    "shifted by {}, as at its first run. To shift the file anew, give it another --import-id."
)


def _stored_first(
    lines: Iterator[Classification], store: Callable[[], None]
) -> Iterator[Classification]:
    """Store the shift at the first line that counts: a file of which nothing did has none."""
    is_stored = False
    for classified in lines:
        if isinstance(classified, Good) and not is_stored:
            store()
            is_stored = True
        yield classified


@contextmanager
def _readable(file: Path) -> Iterator[Path]:
    """Give a file of plain lines that can be read twice.

    What comes by stdin or compressed (gzip, zstd) is kept expanded until the end, so that a file
    is the same import whether it is compressed or not.
    """
    if file == STDIN:
        with tempfile.NamedTemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.flush()
            with _expanded(Path(kept.name)) as path:
                yield path
    elif file.is_file():
        with _expanded(file) as path:
            yield path
    else:
        raise StackError(f"{file} is no file")


@contextmanager
def _expanded(file: Path) -> Iterator[Path]:
    with file.open("rb") as stream:
        start = stream.read(max(map(len, _OPENERS)))
    opener = next((opened for magic, opened in _OPENERS.items() if start.startswith(magic)), None)
    if opener is None:
        yield file
        return
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as kept:
        try:
            with opener(file) as stream:
                shutil.copyfileobj(stream, kept)
        except (OSError, EOFError, zlib.error, ZstdError) as error:
            raise StackError(f"{file} cannot be expanded: {error}") from error
        kept.flush()
        yield Path(kept.name)


_OPENERS: Final[dict[bytes, Callable[[Path], gzip.GzipFile | ZstdFile]]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"\x28\xb5\x2f\xfd": ZstdFile,
}
"""How to read a compressed file, by the bytes that it begins with."""


@contextmanager
def _progress(path: Path) -> Iterator[OpenBar]:
    size = path.stat().st_size
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def open_bar(what: str) -> Advance:
            task = progress.add_task(what, total=size)
            return lambda count: progress.advance(task, count)

        yield open_bar


def _report(result: Result) -> None:
    for refused in result.refusals:
        why = one_line(f"{refused.field}: {refused.detail}")
        typer.echo(f"line {refused.line}: {why}", err=True)
    if hidden := result.refused - len(result.refusals):
        typer.echo(f"and {hidden} more lines were refused", err=True)
    typer.echo(f"imported {result.imported} lines of {len(result.services)} services")
    if result.oldest and result.newest:
        typer.echo(f"from {rfc3339(result.oldest)} to {rfc3339(result.newest)}")
    typer.echo(f"refused {result.refused}, repeated in the file {result.repeated}")


def _wait(database_url: str, result: Result, wait_seconds: float) -> None:
    try:
        with Console(stderr=True).status("waiting until the events are counted"):
            applied = asyncio.run(wait_applied(database_url, result.ends, wait_seconds))
    except (OSError, DBAPIError) as error:
        typer.echo(f"they are in Kafka; the database does not say more: {error}", err=True)
        return
    if applied:
        typer.echo("counted")
    else:
        typer.echo(
            f"not all are counted after {wait_seconds:g} s; they are in Kafka and will be once "
            "burnrate gets there (burnline status)",
            err=True,
        )
