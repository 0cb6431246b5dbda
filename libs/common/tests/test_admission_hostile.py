"""Bodies made to break the parser: every one is refused with a code, none raises another error."""

import pytest
from common.admission import EventRejected, parse_metric_event
from hypothesis import example, given
from hypothesis import strategies as st

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


FRAGMENTS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"NaN", b"1e999", b"-1", b"null", b"\\ud800", b"\xff",
    b'"latency":{"p99":1}', b'"total":1,', b'"service":"a",', b'"timestamp":"2026-11-23T06:40:00Z"',
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(b"".join) | st.binary(max_size=40))
@example(START + b'"latency":[]}')
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    for tail in (body, START + body, START[:-1] + body + b"}"):
        for forbid in (True, False):
            try:
                parse_metric_event(tail, forbid_unknown=forbid)
            except EventRejected as refused:
                assert refused.code
                assert refused.field
