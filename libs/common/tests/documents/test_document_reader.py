"""YAML and JSON as people write them: text stays text, what is wrong is named by its place."""

import time

import pytest

from common.documents.outcome import RefusedError
from common.documents.reader import MAX_CHARACTERS, MAX_DOCUMENTS, Source, read


def values(text: str) -> list[object]:
    found = list(read(text))
    assert all(isinstance(source, Source) for source in found), found
    return [source.value for source in found if isinstance(source, Source)]


def fault(text: str) -> RefusedError:
    found = list(read(text))[-1]
    assert isinstance(found, RefusedError), found
    return found


def test_scalars_stay_the_text_that_was_written() -> None:
    text = "{a: 1.10, b: 2022-01-01 12:00:00, c: on, d: 0x1F, e: 1_000, f: ~, g: '', h: 12:30}"
    assert values(text) == [
        {"a": "1.10", "b": "2022-01-01 12:00:00", "c": "on", "d": "0x1F", "e": "1_000",
         "f": None, "g": "", "h": "12:30"},
    ]  # fmt: skip


def test_json_is_read_with_its_tabs() -> None:
    assert values('{\n\t"a": [1, true, null, "\\u00e4"]\n}') == [{"a": ["1", "true", None, "ä"]}]


def test_documents_are_numbered_and_those_without_content_passed() -> None:
    found = [source for source in read("---\na: 1\n---\n---\nb: 2\n") if isinstance(source, Source)]
    assert [(source.number, source.value) for source in found] == [(1, {"a": "1"}), (3, {"b": "2"})]


def test_the_items_of_a_list_are_documents_with_their_path() -> None:
    found = list(read("kind: List\napiVersion: v1\nitems:\n- a: 1\n- b: 2\n"))
    assert [source.prefix for source in found if isinstance(source, Source)] == [
        "items[0].", "items[1].",
    ]  # fmt: skip


def test_anchors_and_merges_stand_for_what_they_name() -> None:
    assert values("base: &b {x: 1, y: 2}\nz: {<<: *b, y: 3}\n") == [
        {"base": {"x": "1", "y": "2"}, "z": {"x": "1", "y": "3"}}
    ]


@pytest.mark.parametrize(
    ("text", "code", "path", "said", "line"),
    [
        ("a: 1\na: 2\n", "duplicate_key", "a", "twice", 2),
        ("a:\n  b: 1\n  b: 2\n", "duplicate_key", "a.b", "twice", 3),
        ("a:\n\tb: 1\n", "yaml_syntax", "", "indent with spaces", 2),
        ("a: [1, 2\n", "yaml_syntax", "", "line", 2),
        ("a: *nobody\n", "yaml_syntax", "a", "no anchor", 1),
        ("a: &a [*a]\n", "yaml_syntax", "a[0]", "is in it", 1),
        ("a: !!python/object:os.system x\n", "yaml_tag", "a", "leave the tag out", 1),
        ("a: !secret x\n", "yaml_tag", "a", "leave the tag out", 1),
        ("? [a]\n: 1\n", "yaml_syntax", "", "a key that is no text", 1),
        ("a: {<<: text}\n", "yaml_syntax", "a.<<", "merges", 1),
        ("a: \x00\n", "yaml_syntax", "", "is no YAML", None),
        ("a: " + "[" * 100 + "]" * 100, "too_large", "a" + "[0]" * 32, "levels", 1),
        ("kind: List\nitems: {}\n", "invalid_value", "items", "sequence", None),
        ("kind: List\nitems: [{a: 1}]\nspec: 1\n", "unknown_field", "spec", "leave it out", 3),
        ("x" * (MAX_CHARACTERS + 1), "too_large", "", "split the file", None),
        ("--- 1\n" * (MAX_DOCUMENTS + 1), "too_large", "", "split the file", None),
    ],
)  # fmt: skip
def test_what_is_no_document_is_named_with_its_place(
    text: str, code: str, path: str, said: str, line: int | None
) -> None:
    found = fault(text)
    assert (found.code, found.path, found.line) == (code, path, line)
    assert said in found.reason


def test_what_stands_before_a_fault_is_read() -> None:
    found = list(read("a: 1\n---\nb: [\n---\nc: 1\n"))
    assert [type(source) for source in found] == [Source, RefusedError]
    assert isinstance(found[1], RefusedError)
    assert found[1].document == 2


def test_anchors_that_explode_are_refused_at_once() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    begun = time.process_time()
    assert fault(text).code == "too_large"
    assert time.process_time() - begun < 5
