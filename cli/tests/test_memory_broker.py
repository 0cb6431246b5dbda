"""The in-memory broker of `make up`: one fixed port, the registry's topics and partitions."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from burnline.localstack.broker import broker_command
from burnline.localstack.config import StackConfig
from burnline.localstack.ports import Reservations
from common.kafka.topics import TOPICS
from tests.support.servers.running import running

pytestmark = pytest.mark.slow


async def exchange(bootstrap: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    async with producer:
        found = {t.name: len(await producer.partitions_for(t.name)) for t in TOPICS}
        assert found == {t.name: t.partitions(3) for t in TOPICS}
        sent = await producer.send_and_wait(TOPICS[0].name, b"value", key=b"checkout")
    consumer = AIOKafkaConsumer(
        TOPICS[0].name, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    async with consumer:
        record = await consumer.getone()
    assert (record.key, record.value, record.partition) == (b"checkout", b"value", sent.partition)


def test_it_serves_the_registry_on_the_announced_port(tmp_path: Path) -> None:
    given = {"BURNLINE_BROKER": "memory", "BURNLINE_PARTITIONS": "3"}
    config = StackConfig.from_environment({"BURNLINE_DATA_DIR": str(tmp_path), **given})
    environment = {**os.environ, **given}
    with contextlib.closing(Reservations()) as reservations:
        command = broker_command(config, environment, reservations)
        assert command is not None
        with running(command, tmp_path, environment):
            asyncio.run(exchange(environment["KAFKA_BOOTSTRAP_SERVERS"]))
