"""Fixtures: the cluster of all scenarios, and a scenario on it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from tests.faults.cluster import Cluster
from tests.faults.world import World, new_world
from tests.plugin import note_kafka


@pytest.fixture(scope="session")
def fault_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """PostgreSQL and Kafka of the fault tests, apart from those that other tests share."""
    cluster = Cluster(tmp_path_factory.mktemp("faults") / "cluster")
    try:
        asyncio.run(cluster.start())
        note_kafka()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def world(
    fault_cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """A scenario; its seed is made of the test's name."""
    async with new_world(fault_cluster, tmp_path, crc32(request.node.name.encode())) as made:
        yield made
