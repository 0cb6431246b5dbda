r"""No pattern of the product lets a newline pass at the end, where `$` would to Python."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter, ValidationError

from common.alerting.rules import read_rule
from common.invalid_field import InvalidFieldError
from common.patterns import PYTHON_END, for_json_schema, whole
from common.schema_docs.event_schemas import event_types, schema_of

PACKAGES = ("common", "ingest", "burnrate", "forecast", "gate", "alerts", "api_gateway", "burnline")


def modules() -> Iterator[ModuleType]:
    """Give every module of the product."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


MODULES = list(modules())


def structs() -> list[type[msgspec.Struct]]:
    """Return every type that msgspec reads."""
    found: dict[type[msgspec.Struct], None] = {}

    def walk(kind: type[msgspec.Struct]) -> None:
        for one in kind.__subclasses__():
            if one.__module__.split(".")[0] in PACKAGES:
                found[one] = None
            walk(one)

    walk(msgspec.Struct)
    return list(found)


def patterns_of(part: Any) -> Iterator[str]:
    """Give the patterns that stand in a schema, however deep."""
    if isinstance(part, dict):
        for name, inner in part.items():
            if name == "pattern" and isinstance(inner, str):
                yield inner
            else:
                yield from patterns_of(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from patterns_of(inner)


def schema_without_documents(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return a type's schema; a policy is pydantic's to read."""
    return msgspec.json.schema(kind, schema_hook=lambda _: {"type": "object"})


READ_BY_MSGSPEC = sorted(
    {p for one in structs() for p in patterns_of(schema_without_documents(one))}
)


def test_types_with_patterns_are_found() -> None:
    assert len(structs()) > 40
    assert len(READ_BY_MSGSPEC) >= 7


@pytest.mark.parametrize("pattern", READ_BY_MSGSPEC)
@given(data=st.data())
@settings(max_examples=20)
def test_what_msgspec_reads_ends_where_its_pattern_ends(pattern: str, data: st.DataObject) -> None:
    assert pattern.endswith(PYTHON_END)
    text = data.draw(st.from_regex(pattern.removesuffix(PYTHON_END), fullmatch=True))
    kind = Annotated[str, msgspec.Meta(pattern=pattern)]
    assert msgspec.convert(text, kind) == text
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(f"{text}\n", kind)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_what_is_compiled_ends_where_it_says(module: ModuleType) -> None:
    for name, found in vars(module).items():
        if isinstance(found, re.Pattern) and not found.flags & re.MULTILINE:
            ends_loosely = re.search(r"(?<!\\)\$\Z", str(found.pattern)) is not None
            assert not ends_loosely or only_in_full(module, name), f"{name}: let it end in \\Z"


def only_in_full(module: ModuleType, name: str) -> bool:
    """Return whether a pattern is asked for the whole text and nothing else."""
    uses = re.findall(rf"\b{name}\.(\w+)", Path(str(module.__file__)).read_text())
    return bool(uses) and set(uses) == {"fullmatch"}


def test_what_pydantic_reads_ends_at_dollar() -> None:
    kind = TypeAdapter(Annotated[str, StringConstraints(pattern="^[a-z]+$")])
    assert kind.validate_python("abc") == "abc"
    with pytest.raises(ValidationError):
        kind.validate_python("abc\n")


@pytest.mark.parametrize("event", event_types(), ids=lambda e: e.__name__)
def test_schemas_say_it_in_the_words_of_json_schema(event: type) -> None:
    assert PYTHON_END not in json.dumps(schema_of(event))


def test_a_pattern_is_turned_both_ways() -> None:
    assert whole("^a$") == r"^a\Z"
    assert for_json_schema(whole("^a$")) == "^a$"
    assert for_json_schema("^a") == "^a"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "budget\n"),
        ("services", ["check*\n"]),
        ("channels", ["pager\n"]),
        ("runbook_url", "https://example.org/runbook\n"),
    ],
)
def test_a_rule_with_a_newline_at_the_end_of_a_name_is_refused(field: str, value: Any) -> None:
    rule = {
        "name": "budget",
        "kind": "budget_left",
        "levels": [{"severity": "ticket", "at_most_ratio": 0.1}],
    }
    assert read_rule(rule).name == "budget"
    with pytest.raises(InvalidFieldError):
        read_rule({**rule, field: value})
