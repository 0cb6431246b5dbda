"""The AsyncAPI document of all topics, built from the registry."""

import inspect
from importlib.metadata import version
from typing import Any

from common.config.settings import KafkaSettings
from common.events import MetricEvent
from common.kafka.headers import (
    FORWARDED_AT_HEADER,
    FORWARDED_FROM_HEADER,
    IMPORT_ID_HEADER,
    IMPORT_LINE_HEADER,
    REPLAYED_FROM_HEADER,
)
from common.kafka.topics import TOPICS, Topic
from common.observability.logging import CORRELATION_HEADER
from common.observability.tracing import TRACE_HEADER
from common.schema_docs.event_schemas import Schema, event_types, schema_components, unwrapped
from common.storage.outbox import DEDUP_HEADER

_DEFAULT_SHARDS: int = KafkaSettings.model_fields["partitions"].default

_DESCRIPTION = """Every topic of Burnline: who writes, who reads, what a record is.

Other systems may send to the metrics topic; all else is sent by the one service named. Values are
JSON in UTF-8. Consumers ignore fields they do not know; a breaking change is a new topic."""

_METRIC_HEADERS = {
    IMPORT_ID_HEADER: "On the history topic: which import the record belongs to",
    IMPORT_LINE_HEADER: "On the history topic: its line, rising within a partition",
    FORWARDED_FROM_HEADER: "Set by us: partition and offset where the record first stood",
    FORWARDED_AT_HEADER: "Set by us: when the broker first took it, milliseconds since 1970",
    REPLAYED_FROM_HEADER: "Set by us: the dead letter that it was sent again from",
}
_OWN_HEADERS = {
    DEDUP_HEADER: "The same in every repeat of a record; none where repeats are harmless"
}


def asyncapi_document() -> dict[str, Any]:
    """Return the document, AsyncAPI 3.0."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Burnline events",
            "version": version("burnline"),
            "description": unwrapped(_DESCRIPTION),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            name: operation for topic in TOPICS for name, operation in _operations(topic)
        },
        "components": {
            "messages": {event.__name__: _message(event) for event in event_types()},
            "schemas": schema_components(),
        },
    }


def _channel(topic: Topic[Any]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": topic.name,
        "description": _keeping(topic),
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
            for event in topic.events
        },
        "bindings": {"kafka": _kafka_binding(topic)},
        "x-key": topic.key,
        "x-producers": list(topic.producers),
        "x-consumers": list(topic.consumers),
    }
    if topic.dead_letter:
        channel["x-dead-letter-topic"] = topic.dead_letter
    return channel


def _keeping(topic: Topic[Any]) -> str:
    days = topic.retention_ms / 86_400_000
    kept = "The newest record of each key is kept" if topic.compacted else f"Kept {days:g} days"
    cut = (
        "one partition for each shard (BURNLINE_PARTITIONS), chosen by murmur2 of the service"
        if topic.sharded
        else "one partition, so that order holds over all records"
    )
    stamp = "stamped by the broker" if topic.append_time else "stamped by the producer"
    return f"Key: {topic.key}. {kept}; {cut}; {stamp}."


def _kafka_binding(topic: Topic[Any]) -> dict[str, Any]:
    config = topic.config()
    settings: dict[str, Any] = {"cleanup.policy": [config["cleanup.policy"]]}
    if "retention.ms" in config:
        settings["retention.ms"] = int(config["retention.ms"])
    return {
        "topic": topic.name,
        "partitions": topic.partitions(_DEFAULT_SHARDS),
        "topicConfiguration": settings,
        "bindingVersion": "0.5.0",
    }


def _operations(topic: Topic[Any]) -> list[tuple[str, dict[str, Any]]]:
    roles = [("send", who) for who in topic.producers]
    roles += [("receive", who) for who in topic.consumers]
    return [
        (
            f"{who.replace(' ', '-')}.{action}.{topic.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "tags": [{"name": who}],
                "messages": [
                    {"$ref": f"#/channels/{topic.name}/messages/{event.__name__}"}
                    for event in topic.events
                ],
            },
        )
        for action, who in roles
    ]


def _message(event: type) -> dict[str, Any]:
    keys = {topic.key: None for topic in TOPICS if event in topic.events}
    return {
        "name": event.__name__,
        "summary": inspect.cleandoc(event.__doc__ or "").splitlines()[0],
        "headers": _headers(_METRIC_HEADERS if event is MetricEvent else _OWN_HEADERS),
        "correlationId": {"location": f"$message.header#/{CORRELATION_HEADER}"},
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "; ".join(keys)},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _headers(described: dict[str, str]) -> Schema:
    correlation = {
        CORRELATION_HEADER: "Of the request that led to the record, if there was one",
        TRACE_HEADER: "W3C trace context, where tracing is on",
    }
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": text}
            for name, text in {**correlation, **described}.items()
        },
    }
