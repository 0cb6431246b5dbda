"""The request bodies of the feeds in the OpenAPI document."""

from typing import Any

import msgspec

from common.events import ChangeEvent, MetricEvent
from common.schema_docs.event_schemas import in_json_schema
from ingest.body import JSON_TYPE, LINES_TYPES

_REF = "#/components/schemas/{name}"

METRIC_EXAMPLE: dict[str, Any] = {
    "event_id": "edge-7/2026-11-23T06:40:00Z",
    "source": "edge-proxy",
    "service": "checkout",
    "timestamp": "2026-11-23T06:40:00Z",
    "window_seconds": 10,
    "total": 1234,
    "bad": 3,
    "latency": {"bounds": [0.1, 0.25, 0.5, 1.0], "counts": [900, 250, 60, 20, 4]},
    "attributes": {"version": "1.42.0"},
}

CHANGE_EXAMPLE: dict[str, Any] = {
    "event_id": "pipeline-8812",
    "source": "deploy-pipeline",
    "service": "checkout",
    "at": "2026-11-23T06:40:00Z",
    "kind": "deploy",
    "version": "1.42.0",
    "actor": "ana",
}


def _body_of(event: type, example: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": _REF.format(name=event.__name__)}
    lines = {
        "type": "string",
        "pattern": r"\S",
        "description": f"One event a line, each as the schema {event.__name__}",
    }
    document = {
        "schema": {"oneOf": [reference, {"type": "array", "minItems": 1, "items": reference}]},
        "examples": {"one": {"value": example}, "several": {"value": [example]}},
    }
    content = {JSON_TYPE: document, **{kind: {"schema": lines} for kind in LINES_TYPES}}
    return {"requestBody": {"required": True, "content": content}}


def _given(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that requires a field with more than its default."""
    return {"required": [name], "properties": {name: schema}}


METRIC_BODY = _body_of(MetricEvent, METRIC_EXAMPLE)
CHANGE_BODY = _body_of(ChangeEvent, CHANGE_EXAMPLE)


def event_schemas() -> dict[str, Any]:
    """Return the schemas of the events by name, with what HTTP asks beyond the topics."""
    _, found = msgspec.json.schema_components([MetricEvent, ChangeEvent], ref_template=_REF)
    schemas: dict[str, Any] = in_json_schema(found)
    for schema in schemas.values():
        schema["additionalProperties"] = False
    event = schemas["MetricEvent"]
    event["allOf"] = [
        {"oneOf": [_given(name, {"type": "integer"}) for name in ("bad", "good")]},
        {"anyOf": [_given(name, {"minLength": 1}) for name in ("event_id", "source")]},
    ]
    event["examples"] = [METRIC_EXAMPLE]
    schemas["ChangeEvent"]["examples"] = [CHANGE_EXAMPLE]
    return schemas
