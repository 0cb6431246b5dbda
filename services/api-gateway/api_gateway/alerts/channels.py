"""Operations on channels, whose secrets are never shown again."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import uuid4

from api_gateway.alerts.domain import Channel, Notification, channel_changes, key_of
from api_gateway.alerts.repository import AlertReader, AlertStore
from api_gateway.http.problems import existing, invalid, refusing
from common.access.principal import current_actor
from common.alerting.channels import SIMULATED, check_channel
from common.config.clock import Clock
from common.events import ChannelTestRequested, encode
from common.kafka.client import Sender, correlation_headers
from common.kafka.topics import COMMANDS
from common.storage.audit import AuditEvent

_POLL_SECONDS = 0.1


class ChannelService:
    """Channels, and tests of them."""

    def __init__(
        self, store: AlertStore, sender: Sender, clock: Clock, test_timeout_seconds: float
    ) -> None:
        self._store, self._sender, self._clock = store, sender, clock
        self._test_timeout_seconds = test_timeout_seconds

    async def all(self) -> list[Channel]:
        """Return the channels in use, by name."""
        async with self._store.read() as reader:
            return await reader.channels()

    async def one(self, channel_id: int) -> Channel:
        """Return a channel in use; 404."""
        async with self._store.read() as reader:
            return await _existing(reader, channel_id)

    async def add(
        self, name: str, kind: str, secrets: dict[str, str], on_behalf_of: str
    ) -> Channel:
        """Store a channel; 409 where the name is in use, 422 what cannot be."""
        with refusing():
            check_channel(name, kind, secrets)
        async with self._store.write() as writer:
            if any(channel.name == name for channel in await writer.channels()):
                detail = f"`{name}` exists; change it by PUT /api/channels/<id>"
                raise invalid("name", "duplicate_channel", detail, 409)
            made = await writer.add_channel(name, kind, secrets)
            await writer.record(self._audit_event(on_behalf_of, "channel.added", None, made))
        return made

    async def change(
        self,
        channel_id: int,
        on_behalf_of: str,
        *,
        secrets: dict[str, str] | None = None,
        enabled: bool | None = None,
    ) -> Channel:
        """Store other secrets, all of them at once, or whether it is used; 404, 409, 422."""
        async with self._store.write() as writer:
            channel = _changeable(await _existing(writer, channel_id))
            columns: dict[str, Any] = {} if enabled is None else {"enabled": enabled}
            if secrets is not None:
                with refusing():
                    check_channel(channel.name, channel.kind, secrets)
                columns["secrets"] = secrets
            if not columns:
                return channel
            changed = await writer.change_channel(channel_id, **columns)
            await writer.record(
                self._audit_event(on_behalf_of, "channel.changed", channel, changed)
            )
        return changed

    async def retire(self, channel_id: int, on_behalf_of: str, reason: str) -> None:
        """Take a channel out of use; rules that name it go on with their others. 404, 409."""
        async with self._store.write() as writer:
            channel = _changeable(await _existing(writer, channel_id))
            gone = await writer.change_channel(
                channel.id, enabled=False, secrets={}, retired_at=self._clock()
            )
            await writer.record(
                self._audit_event(on_behalf_of, "channel.deleted", channel, gone, reason=reason)
            )

    async def test(self, channel_id: int, on_behalf_of: str) -> Notification:
        """Let the alerts service send a test notification to a channel; return its outcome. 404.

        It is `pending` where there is no outcome in time. Raises UnknownOutcomeError where Kafka
        does not take the request.
        """
        async with self._store.write() as writer:
            channel = await _existing(writer, channel_id)
            await writer.record(self._audit_event(on_behalf_of, "channel.tested", channel, channel))
        now = self._clock()
        request = ChannelTestRequested(uuid4().hex, channel.name, current_actor(), now)
        key, value = request.command_id.encode(), encode(request)
        await self._sender.send_all([(COMMANDS.name, value, key, None, correlation_headers())])
        return await self._outcome(request, now)

    async def _outcome(self, request: ChannelTestRequested, now: datetime) -> Notification:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._test_timeout_seconds
        while True:
            async with self._store.read() as reader:
                found = await reader.channel_test(request.command_id)
            if found is not None and found.state != "pending":
                return found
            if loop.time() >= deadline:
                return found or _not_started(request.channel, now)
            await asyncio.sleep(_POLL_SECONDS)

    def _audit_event(
        self, on_behalf_of: str, action: str, old: Channel | None, new: Channel, **details: Any
    ) -> AuditEvent:
        said = {"kind": new.kind, "enabled": new.enabled, **details}
        changes = channel_changes(old, new)
        return AuditEvent(self._clock(), action, key_of(new), None, said, changes, on_behalf_of)


async def _existing(reader: AlertReader, channel_id: int) -> Channel:
    found = next((c for c in await reader.channels() if c.id == channel_id), None)
    detail = f"There is no channel {channel_id}; GET /api/channels lists those there are."
    return existing(found, "unknown_channel", detail)


def _changeable(channel: Channel) -> Channel:
    if channel.name == SIMULATED:
        detail = f"`{SIMULATED}` is always there; leave it out of a rule's `channels` instead"
        raise invalid("id", "built_in_channel", detail, 409)
    return channel


def _not_started(channel: str, now: datetime) -> Notification:
    """Return what is known of a test that no alerts service has begun."""
    return Notification(
        id=0,
        channel=channel,
        group_key=f"trial/{channel}",
        state="pending",
        attempts=0,
        last_error="the alerts service has not taken it up in time",
        created_at=now,
        next_attempt_at=now,
        sent_at=None,
        alerts=(),
    )
