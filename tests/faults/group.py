"""The consumer group from outside: dead members are put out at once, not after their session."""

import asyncio
import time
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

GROUP: Final = "burnrate"
_PATIENCE_SECONDS: Final = 20.0


async def put_out_all(bootstrap: str) -> list[str]:
    """Let every member leave, for those that are dead or frozen; return their ids.

    The group does the same by itself when a session ends; that takes ten seconds.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        node = await _coordinator(admin)
        described = (await admin.describe_consumer_groups([GROUP], node))[0].groups
        ids = [member[0] for group in described for member in group[5]]
        for member in ids:
            await admin._send_request(LeaveGroupRequest(GROUP, member), node)
        return ids
    finally:
        await admin.close()


async def _coordinator(admin: Any) -> int:
    """Return the broker that keeps the group; a fresh Kafka has to make its topic first."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            node: int = await admin.find_coordinator(GROUP)
        except KafkaError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return node
