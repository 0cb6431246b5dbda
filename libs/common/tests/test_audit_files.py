"""A file of the audit is verified as the audit itself; spreadsheets find no formula in it."""

import csv
import json
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.storage.audit import AuditEntry, AuditEvent, AuditHead, chained, entry_hash
from common.storage.audit_changes import FieldChange, changes_in, field_changes, with_changes
from common.storage.audit_files import (
    AuditFormat,
    ExportStart,
    csv_header,
    csv_record,
    ndjson_record,
    verify_file,
)
from tests.support.hostile import HOSTILE

NOW = datetime(2026, 11, 23, 6, 40, 0, 123456, tzinfo=UTC)
ENTRIES = 6

WIDE = tuple(
    unicodedata.lookup(f"FULLWIDTH {name}")
    for name in ("EQUALS SIGN", "PLUS SIGN", "HYPHEN-MINUS", "COMMERCIAL AT")
)
SIGNS = (*"=+-@", *WIDE)

both = pytest.mark.parametrize("form", ["csv", "ndjson"])


def chain(reasons: Sequence[str]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    head = AuditHead()
    for number, reason in enumerate(reasons, start=1):
        changes = field_changes({"tier": number}, {"tier": "größer"})
        at, details = NOW + timedelta(seconds=number), {"reason": reason}
        event = AuditEvent(
            at, "service.changed", "service/cart", "cart", details, changes, reason[:20]
        )
        entries.append(chained(head, event, "key/ana", "key/4f1d09c2ab37"))
        head = AuditHead(entries[-1].id, entries[-1].hash)
    return entries


def file_of(entries: Sequence[AuditEntry], form: AuditFormat, selection: str | None = None) -> str:
    last = entries[-1]
    start = ExportStart(len(entries), last.id, last.hash, selection)
    write: Callable[[Any], str] = csv_record if form == "csv" else ndjson_record
    header = csv_header() if form == "csv" else ""
    return header + "".join(map(write, (start, *entries)))


def verified(text: str, known: dict[int, str] | None = None) -> tuple[int, int | None]:
    """Return how many entries hold, and the number of the first that does not."""
    result = verify_file(StringIO(text, newline=""), known or {})
    return result.entries, None if result.fault is None else result.fault.id


@both
def test_a_file_that_nobody_touched_holds(form: AuditFormat) -> None:
    entries = chain(HOSTILE)
    assert verified(file_of(entries, form)) == (len(entries), None)
    assert verified(file_of(entries, form).replace("\r\n", "\n")) == (len(entries), None)


@both
def test_a_selection_holds_and_says_what_it_is(form: AuditFormat) -> None:
    chosen = chain("abcdef")[1::2]
    text = file_of(chosen, form, "person=ana")
    result = verify_file(StringIO(text, newline=""), {})
    assert (result.entries, result.fault) == (3, None)
    assert result.start is not None
    assert result.start.selection == "person=ana"
    assert verified(file_of(chosen, form)) == (0, 1), "which is not taken for the whole"


def lines_of(form: AuditFormat, selection: str | None = None) -> list[str]:
    return file_of(chain("abcdef"), form, selection).splitlines(keepends=True)


def first_of(lines: Sequence[str]) -> int:
    """Return where entry 1 stands."""
    return next(n for n, line in enumerate(lines) if "key/ana" in line)


@both
@pytest.mark.parametrize("place", range(ENTRIES))
def test_a_removed_record_is_named(form: AuditFormat, place: int) -> None:
    lines = lines_of(form)
    del lines[first_of(lines) + place]
    assert verified("".join(lines)) == (place, place + 1)


@both
@pytest.mark.parametrize("length", range(ENTRIES))
def test_a_shortened_file_is_named_by_what_is_missing_first(form: AuditFormat, length: int) -> None:
    lines = lines_of(form)
    whole = "".join(lines[: first_of(lines) + length])
    assert verified(whole) == (length, length + 1)
    if length:
        assert verified(whole[:-20]) == (length - 1, length)


@both
@pytest.mark.parametrize("place", range(ENTRIES - 1))
def test_two_records_in_each_others_place_are_found(form: AuditFormat, place: int) -> None:
    for selection, broken in ((None, place + 1), ("person=ana", place + 1)):
        lines = lines_of(form, selection)
        first = first_of(lines) + place
        lines[first : first + 2] = lines[first + 1], lines[first]
        entries, fault = verified("".join(lines))
        assert fault == broken
        assert entries <= place + 1


@both
@pytest.mark.parametrize("place", range(ENTRIES))
def test_a_record_that_was_written_anew_with_its_hash_breaks_the_next(
    form: AuditFormat, place: int
) -> None:
    entries = chain("abcdef")
    known = {entry.id: entry.hash for entry in entries}
    forged = entries[place].__class__(
        **{**{n: getattr(entries[place], n) for n in entries[0].__struct_fields__}, "actor": "x/y"}
    )
    fields = {n: getattr(forged, n) for n in forged.__struct_fields__}
    entries[place] = AuditEntry(**{**fields, "hash": entry_hash(forged)})
    last = place == ENTRIES - 1
    assert verified(file_of(entries, form))[1] == (None if last else place + 2)
    assert verified(file_of(entries, form), known)[1] == place + 1, "by what was published"


TAMPERED = [
    ("key/ana", "key/eve"),
    ("2026-11-23", "2026-11-24"),
    ("größer", "kleiner"),
    ("service.changed", "service.created"),
    ("service/cart", "service/pay"),
    ("key/4f1d09c2ab37", "key/4f1d09c2ab38"),
]


@both
@pytest.mark.parametrize(("old", "new"), TAMPERED)
@pytest.mark.parametrize("place", [0, 3, ENTRIES - 1])
def test_whatever_is_altered_is_named(form: AuditFormat, place: int, old: str, new: str) -> None:
    """In CSV also what only people read, and what only the hash is made of."""
    lines = lines_of(form)
    at = first_of(lines) + place
    original = lines[at]
    spellings = (old, json.dumps(old)[1:-1])
    occurrences = [n for n in range(len(original)) if original.startswith(spellings, n)]
    assert len(occurrences) >= (2 if form == "csv" else 1)
    for n in occurrences:
        found = next(s for s in spellings if original.startswith(s, n))
        lines[at] = original[:n] + new + original[n + len(found) :]
        assert verified("".join(lines)) == (place, place + 1)


@both
@given(st.data())
def test_no_letter_can_be_changed_unseen(form: AuditFormat, data: st.DataObject) -> None:
    text = file_of(chain(("a reason", "other; =words")), form)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    changed = text[:place] + letter + text[place + 1 :]
    assert verified(changed)[1] is not None or _same(changed, text, form)


def _same(changed: str, text: str, form: AuditFormat) -> bool:
    """Return whether only what stands between records differs, such as ends of lines."""
    if form == "csv":
        return [*csv.reader(changed.splitlines())] == [*csv.reader(text.splitlines())]
    return changed.split() == text.split()


def test_a_selection_that_lost_a_record_is_known_by_their_number() -> None:
    lines = lines_of("ndjson", "person=ana")
    del lines[3]
    assert verified("".join(lines))[1] is not None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]\n", "null\n", "id,at\n1,2\n", "\ufeff", '{"record":"entry"}\n', "\0"]
)
def test_what_is_no_export_is_refused(text: str) -> None:
    assert verified(text) == (0, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_whatever_separates_cells(separator: str) -> None:
    plain = ("=1+1", "+1", "-1", "@SUM(A1)", "x;=1+1", "\t=1", "\r\n=1", "a; @b", "'=1")
    formulas = (*plain, *(f"{sign}1" for sign in WIDE))
    text = file_of(chain((*HOSTILE, *formulas)), "csv")
    for line in text.split("\r\n"):
        for row in csv.reader([line], delimiter=separator):
            assert not [cell for cell in row if cell.lstrip().startswith(SIGNS)]
    assert text.replace("\r\n", "").isprintable()


def test_a_change_is_told_field_by_field() -> None:
    old = {"name": "a", "risk": {"FREEZE": "BLOCK", "DANGER": "WARN"}, "gone": [1]}
    new = {"name": "a", "risk": {"FREEZE": "ALLOW", "DANGER": "WARN"}, "new": None}
    changes = field_changes(old, new)
    assert changes == [
        FieldChange("risk.FREEZE", "BLOCK", "ALLOW"),
        FieldChange("gone", [1], None),
    ]
    assert changes_in(with_changes({"reason": "why"}, changes)) == changes
    assert changes_in({"reason": "an older entry"}) == []
    assert field_changes(None, {"name": "a"}) == [FieldChange("name", None, "a")]
    assert field_changes({"name": "a"}, None) == [FieldChange("name", "a", None)]
    assert field_changes(new, new) == []
