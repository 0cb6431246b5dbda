"""JSON Schemas of all events, generated from their types."""

import inspect
import re
from typing import Any

import msgspec

from common.events import MetricEvent
from common.kafka.topics import TOPICS
from common.patterns import for_json_schema
from common.slo.vocabulary import RESERVED_SERVICE_NAMES

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def event_types() -> list[type]:
    """Return every event of the registry once, in the registry's order."""
    return list(dict.fromkeys(event for topic in TOPICS for event in topic.events))


def file_stem(event: type) -> str:
    """Return `metric_event` for MetricEvent: the name of its schema and of its examples."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", event.__name__).lower()


def schema_components() -> dict[str, Schema]:
    """Return the schemas of all events and of their parts by type name, for one document."""
    _, components = msgspec.json.schema_components(
        event_types(), ref_template="#/components/schemas/{name}"
    )
    return {name: _finished(name, schema) for name, schema in components.items()}


def schema_of(event: type) -> Schema:
    """Return the event's schema as a document that stands alone."""
    parts = msgspec.json.schema(event)["$defs"]
    finished = {name: _finished(name, part) for name, part in parts.items()}
    own = finished.pop(event.__name__)
    identity = f"urn:burnline:event:{file_stem(event)}"
    document = {"$schema": DIALECT, "$id": identity, **own}
    return {**document, "$defs": finished} if finished else document


def in_json_schema(schema: Any) -> Any:
    """Return a schema whose patterns are JSON Schema's, not Python's, however deep they stand."""
    if isinstance(schema, dict):
        return {
            name: for_json_schema(part)
            if name == "pattern" and isinstance(part, str)
            else in_json_schema(part)
            for name, part in schema.items()
        }
    return [in_json_schema(part) for part in schema] if isinstance(schema, list) else schema


def unwrapped(text: str) -> str:
    """Return a docstring with each paragraph on one line."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(text))


def _finished(name: str, schema: Schema) -> Schema:
    described = in_json_schema(schema)
    if "description" in schema:
        described["description"] = unwrapped(schema["description"])
    return _public_metric_event(described) if name == MetricEvent.__name__ else described


def _public_metric_event(schema: Schema) -> Schema:
    """Say what others may send, which is narrower than what the type can hold."""
    properties = {name: _without_null(part) for name, part in schema["properties"].items()}
    properties["service"]["not"] = {"enum": sorted(RESERVED_SERVICE_NAMES)}
    for name in ("source", "event_id"):
        properties[name] = {k: v for k, v in properties[name].items() if k != "default"}
    return {
        **schema,
        "properties": properties,
        "oneOf": [{"required": ["bad"]}, {"required": ["good"]}],
        "anyOf": [
            {"required": [name], "properties": {name: {"minLength": 1}}}
            for name in ("source", "event_id")
        ],
    }


def _without_null(part: Schema) -> Schema:
    alternatives = [a for a in part.get("anyOf", ()) if a != {"type": "null"}]
    return alternatives[0] if len(alternatives) == 1 else dict(part)
