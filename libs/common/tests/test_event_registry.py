"""Every event has a schema and examples that hold, and the documents say what the registry says."""

import json
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from common import events
from common.admission.metric_events import EventRejected, parse_metric_event
from common.events import BurnRateSnapshot, ChangeEvent, MetricEvent, encode
from common.kafka.sharding import shard_of
from common.kafka.topics import CHANGES, HISTORY, KEY_USES, METRICS, TOPICS
from common.schema_docs.event_schemas import event_types, file_stem
from common.schema_docs.schemas import ASYNCAPI, EXAMPLES, PROJECT, SCHEMAS, documents
from common.slo.arithmetic import burn_rate, composite_burn_rate
from common.slo.vocabulary import objective_ratio

SERVICES = {"ingest", "burnrate", "forecast", "gate", "alerts", "api-gateway"}
EVENTS = event_types()
BY_NAME = {topic.name: topic for topic in TOPICS}


def examples_of(event: type) -> list[Path]:
    return sorted((PROJECT / EXAMPLES / file_stem(event)).glob("*.json"))


EXAMPLE_FILES = [
    pytest.param(event, path, id=f"{file_stem(event)}/{path.stem}")
    for event in EVENTS
    for path in examples_of(event)
]


def schema_of(event: type) -> dict[str, Any]:
    text = (PROJECT / SCHEMAS / f"{file_stem(event)}.schema.json").read_text()
    schema: dict[str, Any] = json.loads(text)
    return schema


def test_the_registry_carries_every_event_there_is() -> None:
    assert set(EVENTS) == set(get_args(events.Event))


@pytest.mark.parametrize("event", EVENTS, ids=file_stem)
def test_every_event_has_a_valid_schema_and_an_example(event: type) -> None:
    Draft202012Validator.check_schema(schema_of(event))
    assert schema_of(event)["title"] == event.__name__
    assert schema_of(event)["description"]
    assert examples_of(event)


def test_no_schema_or_example_is_left_of_an_event_that_is_gone() -> None:
    stems = {file_stem(event) for event in EVENTS}
    assert {path.name for path in (PROJECT / EXAMPLES).iterdir()} == stems
    schemas = {path.name for path in (PROJECT / SCHEMAS).iterdir()}
    assert schemas == {f"{stem}.schema.json" for stem in stems}


@pytest.mark.parametrize(("event", "path"), EXAMPLE_FILES)
def test_examples_match_their_schema(event: type, path: Path) -> None:
    Draft202012Validator(schema_of(event)).validate(json.loads(path.read_text()))


@pytest.mark.parametrize(("event", "path"), EXAMPLE_FILES)
def test_examples_survive_the_wire_unchanged(event: type, path: Path) -> None:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(event)
    decoded = decoder.decode(path.read_bytes())
    wire = encode(decoded)
    assert json.loads(wire) == json.loads(path.read_text())
    assert decoder.decode(wire) == decoded
    assert encode(decoder.decode(wire)) == wire


@pytest.mark.parametrize("path", examples_of(MetricEvent), ids=lambda path: path.stem)
def test_metric_examples_are_admitted_and_what_we_send_of_them_matches_the_schema(
    path: Path,
) -> None:
    event = parse_metric_event(path.read_bytes(), forbid_unknown=True)
    assert event.timestamp.tzinfo is UTC
    wire = encode(event)
    Draft202012Validator(schema_of(MetricEvent)).validate(json.loads(wire))
    assert encode(parse_metric_event(wire, forbid_unknown=True)) == wire


MINIMAL = json.loads((PROJECT / EXAMPLES / "metric_event" / "minimal.json").read_text())


def test_the_minimal_metric_event_has_five_fields() -> None:
    assert set(MINIMAL) == {"service", "source", "timestamp", "total", "bad"}
    validator = Draft202012Validator(schema_of(MetricEvent))
    for field in MINIMAL:
        shortened = {name: value for name, value in MINIMAL.items() if name != field}
        assert not validator.is_valid(shortened), field


@pytest.mark.parametrize(
    "changes",
    [
        {"good": 1231},
        {"bad": None},
        {"bad": -1},
        {"total": 2**53},
        {"total": 1.5},
        {"service": "compute"},
        {"service": "Checkout"},
        {"source": "a\u0000b"},
        {"event_id": "x" * 129},
        {"window_seconds": 0},
        {"window_seconds": 3601},
        {"latency": {"p99": 0.3}},
        {"latency": {"bounds": [0], "counts": [1, 2]}},
        {"attributes": {"version": 3}},
        {"attributes": {f"a{n}": "" for n in range(17)}},
        {"attributes": {"a" * 65: ""}},
        {"attributes": {"a": "b" * 257}},
    ],
    ids=str,
)
def test_the_metric_schema_refuses_what_admission_refuses(changes: dict[str, Any]) -> None:
    wrong = {**MINIMAL, **changes}
    assert not Draft202012Validator(schema_of(MetricEvent)).is_valid(wrong)
    with pytest.raises(EventRejected):
        parse_metric_event(json.dumps(wrong).encode())


@pytest.mark.parametrize("path", examples_of(BurnRateSnapshot), ids=lambda path: path.stem)
def test_figures_of_snapshot_examples_follow_from_their_counts(path: Path) -> None:
    snapshot = msgspec.json.decode(path.read_bytes(), type=BurnRateSnapshot)
    for slo in snapshot.slos:
        objective = objective_ratio(Decimal(str(slo.objective)))
        rates = [
            burn_rate(slo.windows[w].bad, slo.windows[w].total, objective)
            for w in ("5m", "1h", "24h")
        ]
        assert [slo.burn_rate_5m, slo.burn_rate_1h, slo.burn_rate_24h] == rates
        assert slo.composite_burn_rate == composite_burn_rate(rates)
        assert slo.error_budget_consumed == burn_rate(slo.bad, slo.total, objective)
    assert snapshot.shard == shard_of(snapshot.service_name, 4)
    assert snapshot.composite_burn_rate == max(s.composite_burn_rate for s in snapshot.slos)


GENERATED = documents()


@pytest.mark.parametrize("path", GENERATED, ids=str)
def test_generating_the_documents_again_changes_nothing(path: Path) -> None:
    assert (PROJECT / path).read_text() == GENERATED[path], "run `make schemas`"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_one_producing_service_of_ours(topic: Any) -> None:
    ours = [who for who in topic.producers if who in SERVICES]
    # a use is an observation: whoever is sent a key tells of it
    assert ours == ["ingest", "api-gateway"] if topic is KEY_USES else len(ours) == 1
    others = set(topic.producers) - SERVICES
    assert bool(others) == (topic in {METRICS, HISTORY, CHANGES})
    assert set(topic.consumers) <= SERVICES | {"burnline audit verify"}
    assert topic.consumers or topic.name.endswith(".dlq")


def test_topics_are_named_once_and_each_dead_letter_topic_exists() -> None:
    assert len(BY_NAME) == len(TOPICS)
    for topic in TOPICS:
        assert topic.name.endswith((".v1", ".v1.dlq"))
        if topic.dead_letter:
            dead = BY_NAME[topic.dead_letter]
            assert topic.dead_letter == f"{topic.name}.dlq"
            assert dead.events == (events.DeadLetter,)
            assert dead.producers == topic.consumers
            assert dead.retention_ms >= topic.retention_ms
    named = {topic.dead_letter for topic in TOPICS if topic.dead_letter}
    assert {name for name in BY_NAME if name.endswith(".dlq")} == named


@pytest.mark.parametrize("shards", [1, 4, 64])
def test_input_topics_have_equal_partitions_and_the_brokers_time(shards: int) -> None:
    inputs = [topic for topic in TOPICS if {MetricEvent, ChangeEvent} & set(topic.events)]
    assert {METRICS, HISTORY, CHANGES} == set(inputs)
    for topic in inputs:
        assert topic.partitions(shards) == shards
        assert topic.config()["message.timestamp.type"] == "LogAppendTime"
        assert topic.dead_letter


def test_the_asyncapi_document_names_everything_in_the_registry() -> None:
    document = yaml.safe_load((PROJECT / ASYNCAPI).read_text())
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == set(BY_NAME)
    assert set(document["components"]["messages"]) == {event.__name__ for event in EVENTS}
    for name, channel in document["channels"].items():
        topic = BY_NAME[name]
        assert channel["address"] == name
        assert set(channel["messages"]) == {event.__name__ for event in topic.events}
        assert channel["x-key"] == topic.key
        assert channel["x-producers"] == list(topic.producers)
        assert channel["x-consumers"] == list(topic.consumers)
        assert channel.get("x-dead-letter-topic") == topic.dead_letter
        kafka = channel["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions(4)
        policy = ["compact"] if topic.compacted else ["delete"]
        assert kafka["topicConfiguration"]["cleanup.policy"] == policy
        kept = None if topic.compacted else topic.retention_ms
        assert kafka["topicConfiguration"].get("retention.ms") == kept


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = yaml.safe_load((PROJECT / ASYNCAPI).read_text())
    references = list(references_in(document))
    assert len(references) > 20
    for reference in references:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    sent = {o["channel"]["$ref"] for o in document["operations"].values() if o["action"] == "send"}
    assert sent == {f"#/channels/{name}" for name in BY_NAME}


def references_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from references_in(value)
