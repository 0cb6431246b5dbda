"""Where one event ends and the next begins, whatever stands in a body, in steps that are short."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.splitting import PIECE_BYTES, NotAnArrayError, array_elements, lines

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n ", " : ")])
MEGABYTE = 1_048_576
LONGEST_STEP_SECONDS = 0.02


@given(elements=st.lists(values, min_size=1), separators=separators, escaped=st.booleans())
@example(elements=[{"a": [{"b": 1}, {"c": "},{"}]}, {}], separators=(",", ":"), escaped=True)
def test_the_elements_of_an_array_are_found_as_a_whole_parser_finds_them(
    elements: list[object], separators: tuple[str, str], *, escaped: bool
) -> None:
    body = json.dumps(elements, separators=separators, ensure_ascii=escaped)
    items = [step for step in array_elements(body.encode("utf-8", "surrogatepass")) if step]
    assert [item.index for item in items] == list(range(len(elements)))
    found = [json.loads(item.body.decode("utf-8", "surrogatepass")) for item in items]
    assert json.dumps(found) == json.dumps(elements)


@given(st.integers(1, 400), st.integers(0, 3000), st.data())
def test_large_arrays_are_cut_between_events_and_nowhere_else(
    count: int, length: int, data: st.DataObject
) -> None:
    odd = data.draw(st.integers(0, count - 1))
    elements = [{"n": n, "note": '},{"' * (length // 4)} for n in range(count)]
    if data.draw(st.booleans()):
        elements[odd] = {"n": odd, "note": [{"a": 1}, {"b": float("nan")}]}
    body = json.dumps(elements).encode()
    found = [json.loads(step.body) for step in array_elements(body) if step]
    assert json.dumps(found) == json.dumps(elements)


@pytest.mark.parametrize(
    "body", ["[", "[1", "[1,", "[1,]", "[,1]", "[1]2", '["a', '{"a":1}]', "[}", "[1 2]", "[{]}"]
)
@pytest.mark.parametrize("padding", ["", '{"a":1},' * (PIECE_BYTES // 4)])
def test_what_is_no_array_is_told_from_one(body: str, padding: str) -> None:
    with pytest.raises((NotAnArrayError, ValueError)):
        list(array_elements(body.replace("[", f"[{padding}", 1).encode()))


def test_lines_keep_their_numbers_and_empty_ones_are_no_events() -> None:
    found = [(step.index, step.body) for step in lines(b'{"a":1}\n\n  \r\n {"b":2} ') if step]
    assert found == [(0, b'{"a":1}'), (3, b'{"b":2}')]


GARBAGE = {
    "numbers": b"[" + b"0," * (MEGABYTE) + b"0]",
    "not a number": b"[" + b"NaN," * MEGABYTE + b"NaN]",
    "empty objects": b"[" + b"{}," * (2 * MEGABYTE) + b"{}]",
    "brackets": b"[" * (2 * MEGABYTE),
    "one long text": b'["' + b"a" * (2 * MEGABYTE) + b'"]',
    "escapes": b'["' + b"\\n" * (MEGABYTE) + b'"]',
    "one long list": b"[[" + b"0," * (MEGABYTE) + b"0]]",
    "never closed": b"[" + b'{"a":1},' * MEGABYTE,
    "spaces": b"[" + b" " * (2 * MEGABYTE) + b"]",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_no_step_through_garbage_holds_the_loop(kind: str) -> None:
    """One of three tries is enough: a look for cycles may fall into any step."""
    tries = (longest_step_seconds(GARBAGE[kind]) for _ in range(3))
    assert any(longest < LONGEST_STEP_SECONDS for longest in tries)


def longest_step_seconds(body: bytes) -> float:
    steps, longest, events = array_elements(body), 0.0, 0
    while events < 10_000:
        began = time.process_time()
        try:
            step = next(steps, ...)
        except NotAnArrayError:
            step = ...
        longest = max(longest, time.process_time() - began)
        if step is ...:
            break
        events += step is not None
    return longest
