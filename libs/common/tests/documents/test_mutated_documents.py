"""Documents with one thing or two broken at random: refused by file and path, never a crash."""

import copy
import random
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from common.documents.lint import documents, lines, lint
from common.documents.reader import Source, read
from common.documents.writer import as_yaml

FILES: Final = sorted((Path(__file__).parent / "files").glob("*.yaml"))
MUTATIONS: Final = 10_000
STRANGE: Final[tuple[Any, ...]] = (
    None, "", "0", "-1", "1e999", "NaN", "100", "1m", "true", "x" * 5_000, "\x1b[2J", "ä\u202e",
    "{{.window}}", "{{.x}}", "sum(rate(a_total[5m]))", "a{", "a_total / b_total", "-a_total",
    "sum(-rate(a_total[{{.window}}]))", "((((a))))", "1", "vector(0)", [], {}, [[]], [None],
    {"a": None}, ["x"], {"": ""}, "openslo/v1", "SLO", "List", "burnline/v1", "Europe/Berlin",
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        at = waiting.pop()
        for key in list(at) if isinstance(at, dict) else range(len(at)):
            found.append((at, key))
            if isinstance(at[key], dict | list):
                waiting.append(at[key])
    return found


def mutate(value: Any, chance: random.Random) -> None:
    at, key = chance.choice(places(value))
    kind = chance.randrange(5)
    if kind == 0:
        del at[key]
    elif kind == 1 and isinstance(at, dict):
        at[chance.choice(["extra", f"{key}s", str(key).upper()])] = at.pop(key)
    elif kind == 2:
        other, name = chance.choice(places(value))
        at[key] = copy.deepcopy(other[name])
    elif kind == 3 and isinstance(at[key], str) and at[key]:
        cut = chance.randrange(len(at[key]))
        at[key] = at[key][:cut] + chance.choice(["", "(", "}", '"', "\n", "9"]) + at[key][cut + 1 :]
    else:
        at[key] = copy.deepcopy(chance.choice(STRANGE))


def check(text: str) -> str:
    """Lint a text; return the first code of what is refused."""
    found = lint([("mutated.yaml", text)])
    for entry in found:
        assert entry.file == "mutated.yaml"
        assert not entry.code or (entry.path and entry.reason), entry
        assert "Traceback" not in entry.reason
    assert list(lines(found)) or not found
    accepted = [entry for entry in found if not entry.code]
    written = as_yaml(documents(accepted))
    again = lint([("again.yaml", written)])
    assert as_yaml(documents(again)) == written, written
    return next((entry.code for entry in found if entry.code), "")


@pytest.mark.slow
def test_ten_thousand_mutated_documents_are_taken_or_refused_by_their_path() -> None:
    chance = random.Random(20261130)
    whole = [
        source.value
        for file in FILES
        for source in read(file.read_text())
        if isinstance(source, Source)
    ]
    seen: set[str] = set()
    for _ in range(MUTATIONS):
        value = copy.deepcopy(chance.choice(whole))
        for _ in range(chance.choice([1, 1, 2])):
            if value:
                mutate(value, chance)
        seen.add(check(yaml.dump(value, Dumper=yaml.CSafeDumper)))
    assert {"", "unknown_field", "invalid_value", "target_out_of_range", "ref_missing"} < seen


def test_texts_with_a_character_broken_are_taken_or_refused_by_their_line() -> None:
    chance = random.Random(1130)
    for _ in range(300):
        text = chance.choice(FILES).read_text()
        cut = chance.randrange(len(text))
        check(text[:cut] + chance.choice("\t:[{&*!'\"|\x07-#") + text[cut + 1 :])
