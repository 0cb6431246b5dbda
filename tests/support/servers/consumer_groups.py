"""Consumer groups from outside: dead members are put out at once, not after their session."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest


async def put_out_all(bootstrap: str) -> list[str]:
    """Let every member of every group leave, for those that are dead or frozen; return their ids.

    The group does the same by itself when a session ends; that takes ten seconds.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        put_out = []
        for group, *_ in await admin.list_consumer_groups():
            put_out += await _put_out(admin, group)
        return put_out
    finally:
        await admin.close()


async def committed_offsets(bootstrap: str, group: str) -> dict[tuple[str, int], int]:
    """Return what a group has committed to Kafka, by topic and partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
        return {(tp.topic, tp.partition): at.offset for tp, at in found.items()}
    finally:
        await admin.close()


async def _put_out(admin: AIOKafkaAdminClient, group: str) -> list[str]:
    node: int = await admin.find_coordinator(group)
    described = (await admin.describe_consumer_groups([group], node))[0].groups
    members = [member[0] for found in described for member in found[5]]
    for member in members:
        await admin._send_request(LeaveGroupRequest(group, member), node)
    return members
