"""A scenario on the servers of this process."""

from collections.abc import AsyncIterator
from pathlib import Path
from zlib import crc32

import pytest

from tests.faults.world import World, new_world
from tests.support.servers.cluster import Cluster


@pytest.fixture
async def world(
    running_cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """A scenario; its seed is made of the test's name."""
    seed = crc32(request.node.name.encode())
    async with new_world(running_cluster, tmp_path, seed) as made:
        yield made
