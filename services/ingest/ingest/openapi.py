"""The request body of `POST /v1/events` in the OpenAPI document."""

from typing import Any

import msgspec

from common.events import MetricEvent
from ingest.adapters import JSON_TYPE, LINES_TYPES

_REF = "#/components/schemas/{name}"
_EVENT_REF = {"$ref": _REF.format(name="MetricEvent")}

EXAMPLE: dict[str, Any] = {
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

REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_TYPE: {
                "schema": {
                    "oneOf": [_EVENT_REF, {"type": "array", "minItems": 1, "items": _EVENT_REF}]
                },
                "examples": {"one": {"value": EXAMPLE}, "several": {"value": [EXAMPLE]}},
            },
            **{
                media_type: {
                    "schema": {
                        "type": "string",
                        "description": "One event a line, each as the schema MetricEvent",
                    }
                }
                for media_type in LINES_TYPES
            },
        },
    }
}


def event_schemas() -> dict[str, Any]:
    """Return the schemas of the event by name, with what HTTP asks beyond the topic."""
    _, schemas = msgspec.json.schema_components([MetricEvent], ref_template=_REF)
    for schema in schemas.values():
        schema["additionalProperties"] = False
    event = schemas["MetricEvent"]
    event["allOf"] = [
        {"oneOf": [{"required": ["bad"]}, {"required": ["good"]}]},
        {"anyOf": [{"required": ["event_id"]}, {"required": ["source"]}]},
    ]
    event["examples"] = [EXAMPLE]
    return schemas
