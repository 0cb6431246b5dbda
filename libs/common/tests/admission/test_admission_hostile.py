"""Bodies made to break the parser: every one is refused with a code, none raises another error."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.admission.metric_events import EventRejected, parse_metric_event

START = b'{"service":"cart","timestamp":"2026-11-23T06:40:00Z","total":1,"bad":0,'


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"NaN", "not_a_number", "body"),
        (START + b'"source":"\\ud800"}', "invalid_json", "body"),
        (START + b'"source":"a\\u0000b"}', "control_character", "source"),
        (START + b'"event_id":"a\\u001fb"}', "control_character", "event_id"),
        (START + b'"attributes":{"a":"\\u0000"}}', "control_character", "attributes.a"),
        (START + b'"latency":{"p99":1}, NaN', "unknown_field", "latency.p99"),
        (START + b'"latency":{"p99":1}, "x":' + b"[" * 50_000, "unknown_field", "latency.p99"),
        (START + b"NaN:1}", "invalid_json", "body"),
        (START + b'"bad":' + b"9" * 5_000 + b"}", "invalid_type", "bad"),
    ],
)
def test_hostile_body_is_refused_with_its_reason(body: bytes, code: str, field: str) -> None:
    with pytest.raises(EventRejected) as refused:
        parse_metric_event(body, forbid_unknown=True)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize("depth", [1, 300, 600, 900, 5_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nan_at_any_depth_is_refused(depth: int, opening: bytes, closing: bytes) -> None:
    body = START + b'"x":' + opening * depth + b"NaN" + closing * depth + b"}"
    refused = rejection_of(body, forbid_unknown=False)
    assert refused is not None
    assert refused.code in {"not_a_number", "invalid_json"}
    assert len(refused.field) <= 128


FRAGMENTS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"NaN", b"1e999", b"-1", b"null", b"\\ud800", b"\xff",
    b'"latency":{"p99":1}', b'"total":1,', b'"service":"a",', b'"timestamp":"2026-11-23T06:40:00Z"',
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(b"".join) | st.binary(max_size=40))
@example(START + b'"latency":[]}')
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    for tail in (body, START + body, START[:-1] + body + b"}"):
        for forbid in (True, False):
            refused = rejection_of(tail, forbid_unknown=forbid)
            assert refused is None or (refused.code and refused.field)


def rejection_of(body: bytes, *, forbid_unknown: bool) -> EventRejected | None:
    try:
        parse_metric_event(body, forbid_unknown=forbid_unknown)
    except EventRejected as refused:
        return refused
    return None
