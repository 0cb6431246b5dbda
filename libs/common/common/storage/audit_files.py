"""Write the audit as NDJSON and CSV, and verify such files. Pure.

The first record says how many entries follow and which is the last; each of these holds its entry
as it was hashed. In CSV that stands in one column, as ASCII; the columns before it are what people
read, and are made from it. Files are kept for years: what was written once is verified for ever.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from io import StringIO
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from common.storage.audit import AuditEntry, AuditFault, AuditHead, ChainCheck, canonical_json
from common.storage.audit_changes import changes_in, reason_in
from common.strangers import spreadsheet_cell

START: Final = "export"
AuditFormat = Literal["csv", "ndjson"]

COLUMNS: Final = (
    *("id", "at", "action", "subject", "service_name", "actor", "credential", "on_behalf_of"),
    *("reason", "changes", "hash", "record"),
)


class ExportStart(Struct, frozen=True, tag_field="record", tag=START, forbid_unknown_fields=True):
    """The first record: how many entries follow, and number and hash of the last.

    `selection` is what was asked for, where that was not the whole audit.
    """

    entries: int
    id: int
    hash: str
    selection: str | None = None


class _Line(Struct, frozen=True, tag_field="record", tag="entry", forbid_unknown_fields=True):
    """An entry in a line of NDJSON; `details` is the JSON that was hashed, letter by letter."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    service_name: str | None
    details: msgspec.Raw
    previous_hash: str
    hash: str
    credential: str | None = None
    on_behalf_of: str | None = None


Record = AuditEntry | ExportStart

_line_decoder: Final = msgspec.json.Decoder(_Line | ExportStart)
_start_decoder: Final = msgspec.json.Decoder(ExportStart)
_entry_decoder: Final = msgspec.json.Decoder(AuditEntry)


def ndjson_record(record: Record) -> str:
    """Return a record as a line of NDJSON."""
    written: ExportStart | _Line
    if isinstance(record, AuditEntry):
        details = msgspec.Raw(record.details.encode())
        written = _Line(**{**msgspec.structs.asdict(record), "details": details})
    else:
        written = record
    return f"{msgspec.json.encode(written).decode()}\n"


def csv_header() -> str:
    """Return the first line of a file of CSV."""
    return _csv_line(COLUMNS)


def csv_record(record: Record) -> str:
    """Return a record as a line of CSV, in which no spreadsheet finds a formula."""
    if isinstance(record, ExportStart):
        blank = [""] * (len(COLUMNS) - 2)
        return _csv_line((START, *blank, _ascii(msgspec.to_builtins(record))))
    details, content = json.loads(record.details), msgspec.to_builtins(record)
    changes = (f"{c.field}: {_shown(c.old)} -> {_shown(c.new)}" for c in changes_in(details))
    shown = {**content, "reason": reason_in(details), "changes": "; ".join(changes)}
    cells = (shown.get(column) for column in COLUMNS[:-1])
    clean = ["" if cell is None else spreadsheet_cell(cell) for cell in cells]
    return _csv_line((*clean, _ascii(content)))


class FileResult(Struct, frozen=True):
    """What a file begins with, how many entries hold and the last that does, the first that not."""

    start: ExportStart | None
    entries: int
    head: AuditHead
    fault: AuditFault | None


def verify_file(lines: Iterable[str], known: Mapping[int, str]) -> FileResult:
    """Follow a file to its first wrong entry; `known` are hashes noted or published, by number.

    Of a selection each entry is verified, and their order and number.
    """
    records, entries = _records(lines), 0
    start = next(records, None)
    if not isinstance(start, ExportStart):
        fault = AuditFault(1, "cannot be read: the file does not begin as an export does")
        return FileResult(None, 0, AuditHead(), fault)
    check = ChainCheck(has_gaps=start.selection is not None)
    for record in records:
        if found := _fault_of(check, record, known):
            return FileResult(start, entries, check.head, found)
        entries += 1
    end = check.finish(AuditHead(start.id, start.hash))
    if start.selection is not None and entries < start.entries:
        detail = f"or a later one is missing: {entries} of {start.entries} are there"
        end = AuditFault(check.head.id + 1, detail)
    return FileResult(start, entries, check.head, end)


def _fault_of(
    check: ChainCheck, record: Record | None, known: Mapping[int, str]
) -> AuditFault | None:
    if not isinstance(record, AuditEntry):
        return AuditFault(check.head.id + 1, "is not as an export writes it")
    if known.get(record.id, record.hash) != record.hash:
        return AuditFault(record.id, "is not the one that was noted or published")
    return check.add(record)


def _records(lines: Iterable[str]) -> Iterator[Record | None]:
    """Give each record of a file; None for what is not just as it would be written."""
    lines = iter(lines)
    first = next(lines, "")
    if first.strip() != csv_header().strip():
        for line in (first, *lines):
            yield _read(line, _of_line, ndjson_record)
        return
    csv.field_size_limit(sys.maxsize)
    for cells in csv.reader(lines):
        yield _read(_csv_line(cells), _of_row, csv_record)


def _read(
    line: str, decode: Callable[[str], Record], encode: Callable[[Record], str]
) -> Record | None:
    try:
        record = decode(line)
        return record if encode(record).strip() == line.strip() else None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None


def _of_line(line: str) -> Record:
    found = _line_decoder.decode(line)
    if isinstance(found, ExportStart):
        return found
    details = bytes(found.details).decode()
    return AuditEntry(**{**msgspec.structs.asdict(found), "details": details})


def _of_row(line: str) -> Record:
    first, *_, record = next(csv.reader([line]))
    return (_start_decoder if first == START else _entry_decoder).decode(record)


def _csv_line(cells: Iterable[object]) -> str:
    line = StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue()


def _ascii(value: dict[str, Any]) -> str:
    """Return JSON that no spreadsheet divides: it has neither line breaks nor semicolons."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return text.replace(";", r"\u003b")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)
