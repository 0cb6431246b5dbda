"""One word for one thing, the field's word: what we once said instead stands nowhere in the code.

Names are looked at word by word (`DeadLetterStore` is `dead letter store`), with docstrings,
comments and names of modules. A name that others rely on (a field, a column, a metric, a variable
of the environment) stays as it is, and is listed with the reason.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PRODUCT: Final = ("libs/common/common", "services/*/*/__init__.py", "cli/burnline")


class Rule(NamedTuple):
    """A word that is not the field's, where it may not stand, and what is said instead."""

    word: str
    instead: str
    in_text: bool = True


RULES: Final = (
    Rule(r"deeds?", "audit event"),
    Rule(r"wish(es)?|wished", "desired state, or the object's own name"),
    Rule(r"wanted", "desired, requested, or the object's own name", in_text=False),
    Rule(r"intents?", "desired state, or the object's own name"),
    Rule(r"told|tells|owed", "notified, notification, pending"),
    Rule(r"(taken?|takes|taking) on", "acknowledged"),
    Rule(r"notices?|trials?", "notification; channel test"),
    Rule(r"(?<!dead )(?<!dead-)letters", "dead letters; of a text: characters"),
    Rule(r"judged?|judges|judgements?", "classify; confidence"),
    Rule(r"intake|take in|taken in", "batch processor, process"),
    Rule(r"tally|tallies", "aggregation"),
    Rule(r"marks?", "dedup key", in_text=False),
    Rule(r"lanes?|births?", "import stream, record identity"),
    Rule(r"rosters?", "series index; catalog cache"),
    Rule(r"batons?", "trace contexts"),
    Rule(r"fold(ed|s)?", "apply"),
    Rule(r"level handler|on levels|shard levels|levels only|publish levels", "state topics"),
    Rule(r"outlooks?", "projection"),
    Rule(r"stor(y|ies)", "narrative input"),
    Rule(r"findings", "service insights"),
    Rule(r"key ?book|rule ?book|policy ?book|key ?ring", "service, cache"),
    Rule(r"desks?|shelf|shelves", "client or fixture, named after what it serves"),
    Rule(r"ready bytes", "response cache"),
    Rule(r"passed over|breakers?|watchdogs?", "skip unreadable; DLQ limit; stall detector"),
    Rule(r"gravity|gravest|graver", "severity order, more severe"),
)
CLASSES: Final = re.compile(
    r"\w*Parts|Verdicts?|Room|Made|Taken|Subject|Past|Wanted\w*|Letter\w*|Impossible\w*|World|Story"
)
"""Names of classes that say nothing, or said another thing."""

WIRE: Final[dict[str, str]] = {
    "notice_key": "column of alerts.notification, and in the webhook's payload",
    "Verdict": "schema of the decisions topic and of the API",
    "notices": "column of alerts.episode",
    "judged": "field of /api/summary",
    **dict.fromkeys(("start_mark", "problem_mark", "context_mark"), "attributes of PyYAML's"),
    "told_at": "field of `burnline rules test --format json`",
}
"""By name: whose it is."""


def words(name: str) -> str:
    """Return `dead letter store` for DeadLetterStore, DEAD_LETTER_STORE and dead_letter_store."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)).lower()


@cache
def modules() -> list[Path]:
    """Return those of the product, and those that its tests share."""
    found = [path for path in (ROOT / "tests").rglob("*.py") if not path.stem.startswith("test_")]
    for place in PRODUCT:
        for folder in ROOT.glob(place):
            found += (folder if folder.is_dir() else folder.parent).rglob("*.py")
    return sorted(found)


def names_and_texts(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Give (line, name or text, whether it is a text) of a module."""
    yield 0, path.stem, False
    with tokenize.open(path) as file:
        source = file.read()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.NAME, tokenize.COMMENT}:
            yield token.start[0], token.string, token.type == tokenize.COMMENT
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.lineno, str(node.value.value), True


def found_in(path: Path) -> Iterator[tuple[int, str, Rule]]:
    for line, said, is_text in names_and_texts(path):
        if said in WIRE or (said == "mark" and "tests" in path.parts):  # pytest.mark
            continue
        text = words(said)
        if is_text:
            # `names` in a text are looked at where they stand in the code
            text = " ".join(re.sub(r"`[^`]*`", "", said).lower().split())
        for rule in RULES:
            if (rule.in_text or not is_text) and re.search(rf"\b({rule.word})\b", text):
                yield line, said if not is_text else text, rule


def part_of(path: Path) -> str:
    """Return the part of the code that a module belongs to, as `services/gate`."""
    return "/".join(path.relative_to(ROOT).parts[:2])


def test_every_part_of_the_product_is_looked_at() -> None:
    assert len({part_of(path) for path in modules() if "tests" not in path.parts}) == 8
    assert len(modules()) > 300


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_words_are_the_fields(path: Path) -> None:
    assert [
        f"line {line}: {said[:60]!r}: say {rule.instead}" for line, said, rule in found_in(path)
    ] == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_classes_are_named_after_what_they_are(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert [n for n in names if CLASSES.fullmatch(n) and n not in WIRE] == []


@pytest.mark.parametrize("folder", ["libs", "services", "cli", "tests", "benchmarks"])
def test_clients_and_fixtures_of_tests_are_named_after_what_they_serve(folder: str) -> None:
    named = re.compile(r"(?m)^class (\w*(?:World|Desk|Shelf|Shelves))\b")
    texts = (path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.py")))
    assert [name for text in texts for name in named.findall(text)] == []


def test_a_name_that_stays_is_there_and_would_be_refused() -> None:
    said = {
        word
        for path in modules()
        for _, text, _ in names_and_texts(path)
        for word in re.findall(r"\w+", text)
    }
    for name in WIRE:
        assert name in said, name
        assert CLASSES.fullmatch(name) or any(
            re.search(rf"\b({rule.word})\b", words(name)) for rule in RULES
        ), name


@pytest.mark.parametrize(
    "said",
    ["KeysDesk", "publish_intent", "fold", "Batons", "held_marks", "watchdog", "on_levels"],
)
def test_a_private_word_is_noticed(said: str) -> None:
    assert any(re.search(rf"\b({rule.word})\b", words(said)) for rule in RULES)


@pytest.mark.parametrize("said", ["DeadLetterStore", "dead_letters", "DECISION_LEVELS", "remark"])
def test_a_word_of_the_field_is_not(said: str) -> None:
    assert not any(re.search(rf"\b({rule.word})\b", words(said)) for rule in RULES)
