"""Requests made of an OpenAPI document, and each answer held against what the document says.

Schemathesis makes the requests: those that should be taken, those that should be refused at each
bound of each field, and chains in which an answer's ids are used by the next request.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import schemathesis
import yaml
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from starlette.types import ASGIApp

MAX_STREAM_EVENTS: Final = 3
REFUSED: Final = 422
UNKNOWN: Final = b'"decision":"UNKNOWN"'
CHECKED: Final = "/api/release/{service_name}"
NOT_KNOWN: Final = 503
PHASES: Final = {"stateful": {"enabled": False}}
"""Without chains of requests: they are not the same in each run, so `make fuzz` makes them."""


@dataclass(frozen=True)
class Expected:
    """What an application does on purpose although its document alone would not allow it."""

    rules: Mapping[str, frozenset[str]]
    """By operation: codes that may refuse a request which fits the schema."""
    free_fields: frozenset[str] = frozenset()
    """Fields of bodies in which the document leaves anything: any code may refuse them."""
    stay_readable: frozenset[str] = frozenset()
    """Operations after which what they delete may still be read."""


def refusals(service: str) -> dict[str, frozenset[str]]:
    """Return by operation the codes that may refuse a request which fits the schema."""
    text = Path(__file__).with_name("refusals.yaml").read_text(encoding="utf-8")
    return {label: frozenset(codes) for label, codes in yaml.safe_load(text)[service].items()}


@dataclass
class Found:
    """What a run has done and what it has found."""

    expected: Expected
    cases: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    refused: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By operation: codes of 422s to requests that fit the schema; it cannot say all rules."""
    failures: dict[str, str] = field(default_factory=dict)
    """By a short text that is the same for the same fault, the long one with the request."""


def fuzz(app: ASGIApp, token: str, expected: Expected, **config: Any) -> Found:
    """Send requests to every operation of an application until the bounds of `config` are met.

    `config` is Schemathesis's, for example `seed`, `generation` and `max-time`.
    """
    found = Found(expected)
    for event in _run(app, token, config):
        if isinstance(event, events.ScenarioFinished | events.FuzzScenarioFinished):
            _note(event.recorder, found)
        elif isinstance(event, events.NonFatalError):
            found.failures[f"{event.label}: {event.value!r}"] = str(event.value)
        elif isinstance(event, events.FatalError):
            found.failures["fatal"] = repr(event.exception)
    return found


def documented(document: dict[str, Any]) -> set[str]:
    """Return the label of every operation in a document."""
    paths = document["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in item}


def unknown_refusals(found: Found) -> dict[str, set[str]]:
    """Return by operation the codes that refused what fits the schema and are in no rule."""
    rules = found.expected.rules
    unknown = {
        label: codes - rules.get(label, frozenset()) for label, codes in found.refused.items()
    }
    return {label: codes for label, codes in unknown.items() if codes}


def _run(app: ASGIApp, token: str, config: dict[str, Any]) -> Iterator[events.EngineEvent]:
    given = {
        "continue-on-failure": True,
        "max-stream-events": MAX_STREAM_EVENTS,
        "headers": {"Authorization": f"Bearer {token}"},
        **config,
    }
    schema = schemathesis.openapi.from_asgi(
        "/openapi.json", app, config=SchemathesisConfig.from_dict(given)
    )
    yield from from_schema(schema).execute()


def _note(recorder: Any, found: Found) -> None:
    found.cases += len(recorder.interactions)
    found.operations |= {node.value.operation.label for node in recorder.cases.values()}
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            found.by_status[interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                _note_failure(check, recorder.interactions.get(case_id), found)


def _note_failure(check: Any, interaction: Any, found: Found) -> None:
    failure = check.failure_info.failure
    response = getattr(interaction, "response", None)
    if check.name == "positive_data_acceptance" and response and response.status_code == REFUSED:
        errors = json.loads(response.content)["errors"]
        free = found.expected.free_fields
        found.refused[failure.operation] |= {
            error["code"] for error in errors if not _is_in(error["field"], free)
        }
        return
    if check.name == "not_a_server_error" and _is_unknown(failure.operation, response):
        return
    if check.name == "use_after_free" and failure.operation in found.expected.stay_readable:
        return
    short = f"{failure.operation}: {check.name}: {failure.title}"
    text = f"{failure.message}\n{check.failure_info.code_sample}"
    found.failures.setdefault(short, text)


def _is_in(field: str, fields: frozenset[str]) -> bool:
    return re.split(r"[.\[]", field)[0] in fields


def _is_unknown(operation: str, response: Any) -> bool:
    """Whether the gate does not know, and says so by 503, as `http_status=strict` asks."""
    return (
        CHECKED in operation
        and response is not None
        and response.status_code == NOT_KNOWN
        and UNKNOWN in response.content
    )
