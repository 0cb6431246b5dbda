"""The broker of a stack: Apache Kafka, librdkafka's in-memory one, or one that runs already."""

import functools
import sys
from pathlib import Path
from typing import Final

from burnline.localstack.artifacts import ensure_jars, jar_version
from burnline.localstack.command import Command
from burnline.localstack.config import StackConfig
from burnline.localstack.kafka import KafkaNode, answers, find_java
from burnline.localstack.ports import LOOPBACK, Reservations
from burnline.localstack.services import SERVICES

MEMORY_BROKER: Final = "librdkafka mock cluster"


def kafka_node(home: Path, reservations: Reservations) -> KafkaNode:
    """An Apache Kafka node on free ports; its jars are fetched when they are not there."""
    jars, java = ensure_jars(), find_java()
    ports = (reservations.take_any(), reservations.take_any())
    return KafkaNode(home, jars, java, LOOPBACK, *ports)


def broker_command(
    config: StackConfig, environment: dict[str, str], reservations: Reservations
) -> Command | None:
    """The broker process, None when the broker is not ours; sets KAFKA_BOOTSTRAP_SERVERS."""
    if config.broker_kind == "external":
        return None
    if config.broker_kind == "memory":
        return _memory_broker(config, environment, reservations.take_any())
    node = kafka_node(config.data_dir.path / "kafka", reservations)
    environment["KAFKA_BOOTSTRAP_SERVERS"] = node.bootstrap_servers
    return node.command()


def broker_name(config: StackConfig) -> tuple[str, str]:
    """Name and version of the broker that this configuration uses."""
    if config.broker_kind == "external":
        return f"Kafka at {config.bootstrap_servers}", ""
    if config.broker_kind == "memory":
        from confluent_kafka import libversion  # noqa: PLC0415 - loads a large library

        return MEMORY_BROKER, libversion()[0]
    return "Apache Kafka", jar_version(ensure_jars())


def _memory_broker(config: StackConfig, environment: dict[str, str], port: int) -> Command:
    address = f"{LOOPBACK}:{port}"
    environment["KAFKA_BOOTSTRAP_SERVERS"] = address
    arguments = ("--host", LOOPBACK, "--port", str(port))
    return Command(
        name="memory-broker",
        argv=(sys.executable, "-m", "burnline.localstack.memory_broker", *arguments),
        probe=functools.partial(answers, address),
        environment={"BURNLINE_PARTITIONS": str(config.partitions)},
        layer=1,
        dependents=tuple(service.name for service in SERVICES),
    )
