"""Nothing can be done to a chain of audit entries that following it does not find."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.storage.audit import (
    GENESIS,
    AuditEntry,
    AuditEvent,
    AuditFault,
    AuditHead,
    ChainCheck,
    canonical_json,
    chained,
    entry_hash,
)

NOW = datetime(2026, 11, 23, 6, 40, 0, 123456, tzinfo=UTC)
WHO = ("key/ana", "key/0123456789ab")


def deed(number: int = 0, **fields: Any) -> AuditEvent:
    base = {
        "at": NOW + timedelta(seconds=number),
        "action": "override.created",
        "subject": f"override/{number}",
        "service_name": "checkout",
        "details": {"reason": "hotfix für die Kasse", "uses": number},
        "changes": [],
        "on_behalf_of": "ana",
    }
    return AuditEvent(**{**base, **fields})


def chain(length: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    head = AuditHead()
    for number in range(length):
        entry = chained(head, deed(number), *WHO)
        head = AuditHead(entry.id, entry.hash)
        entries.append(entry)
    return entries


def fault(entries: list[AuditEntry], stored: AuditHead) -> AuditFault | None:
    check = ChainCheck()
    for entry in entries:
        if found := check.add(entry):
            return found
    return check.finish(stored)


def head_of(entries: list[AuditEntry]) -> AuditHead:
    return AuditHead(entries[-1].id, entries[-1].hash) if entries else AuditHead()


def test_a_chain_begins_at_genesis_and_holds() -> None:
    entries = chain(5)
    assert entries[0].previous_hash == GENESIS
    assert [entry.id for entry in entries] == [1, 2, 3, 4, 5]
    assert [e.previous_hash for e in entries[1:]] == [e.hash for e in entries[:-1]]
    assert fault(entries, head_of(entries)) is None
    assert fault([], AuditHead()) is None


ALTERED: dict[str, Any] = {
    "at": NOW - timedelta(microseconds=1),
    "actor": "boris",
    "action": "override.revoked",
    "subject": "override/9",
    "service_name": None,
    "details": '{"changes":{},"reason":"hotfix für die Kasse","uses":9}',
    "credential": None,
    "on_behalf_of": None,
    "previous_hash": "f" * 64,
    "hash": "f" * 64,
}


@pytest.mark.parametrize("field", ALTERED)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_an_altered_field_is_found_where_it_is(field: str, place: int) -> None:
    entries = chain(5)
    stored = head_of(entries)
    entries[place] = msgspec.structs.replace(entries[place], **{field: ALTERED[field]})
    found = fault(entries, stored)
    assert found is not None
    assert found.id == place + 1


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_missing_entry_is_found_the_last_one_too(place: int) -> None:
    entries = chain(5)
    stored = head_of(entries)
    del entries[place]
    found = fault(entries, stored)
    assert found is not None
    assert found.id == place + 1
    assert "missing" in found.detail


def test_an_inserted_entry_and_a_changed_order_are_found() -> None:
    entries = chain(4)
    swapped = [entries[0], entries[2], entries[1], entries[3]]
    found = fault(swapped, head_of(entries))
    assert found is not None
    assert found.id == 2
    extra = chained(AuditHead(entries[1].id, entries[1].hash), deed(99), *WHO)
    found = fault([*entries[:2], extra, *entries[2:]], head_of(entries))
    assert found is not None
    assert found.id == 4


def test_an_entry_altered_with_its_hash_breaks_the_next_one() -> None:
    entries = chain(3)
    forged = msgspec.structs.replace(entries[1], actor="boris")
    entries[1] = msgspec.structs.replace(forged, hash=entry_hash(forged))
    found = fault(entries, head_of(entries))
    assert found is not None
    assert found.id == 3


def test_a_chain_written_anew_ends_otherwise_than_was_noted() -> None:
    entries = chain(3)
    forged: list[AuditEntry] = []
    head = AuditHead()
    for entry in entries:
        last = chained(head, deed(entry.id), "key/boris", "key/2")
        head = AuditHead(last.id, last.hash)
        forged.append(last)
    found = fault(forged, head_of(entries))
    assert found is not None
    assert found.id == 3


def test_the_hash_knows_the_instant_not_its_time_zone() -> None:
    [entry] = chain(1)
    elsewhere = entry.at.astimezone(timezone(timedelta(hours=2)))
    assert entry_hash(msgspec.structs.replace(entry, at=elsewhere)) == entry.hash


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_canonical_json_survives_being_read(value: dict[str, Any]) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


def test_entries_from_before_credentials_were_fields_hold_and_new_ones_follow_them() -> None:
    old = AuditEntry(
        id=1,
        at=datetime(2026, 11, 1, 12, 0, 0, 5, tzinfo=UTC),
        actor="ana",
        action="override.created",
        subject="override/1",
        service_name="checkout",
        details='{"credential":"bootstrap","reason":"hotfix für die Kasse"}',
        previous_hash=GENESIS,
        hash="cc8ba88788dca8e78d5e73918acecab646b7023711d3c58574c5e5c7f11556ba",
    )
    new = chained(AuditHead(1, old.hash), deed(1), *WHO)
    assert (new.actor, new.credential, new.on_behalf_of) == (*WHO, "ana")
    assert fault([old, new], head_of([old, new])) is None
    forged = msgspec.structs.replace(old, credential="key/0123456789ab")
    found = fault([forged, new], head_of([old, new]))
    assert found is not None
    assert found.id == 1
