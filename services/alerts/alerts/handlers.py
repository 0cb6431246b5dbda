"""What the service does with each record that every process reads in full."""

import binascii
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

import msgspec
import structlog

from alerts.domain.configuration import Intent
from alerts.domain.invalid_count_reports import CODES, REMEMBERED, InvalidCountReports
from common.config.clock import Clock
from common.events import (
    CatalogMessage,
    ChannelTestRequested,
    CommandMessage,
    DeadLetter,
    RuleMessage,
    ServiceChanged,
)
from common.kafka.client import Record
from common.kafka.topics import CATALOG, COMMANDS, METRICS_DEAD, RULES
from common.kafka.unreadable import skip_unreadable
from common.runtime.transient import TRANSIENT_ERRORS
from common.slo.vocabulary import is_service_name

log = structlog.get_logger()

INTENT_TOPICS: Final = (CATALOG.name, RULES.name, COMMANDS.name)
REFUSED_TOPICS: Final = (METRICS_DEAD.name,)
TEST_MAX_AGE: Final = timedelta(seconds=30)
"""An older request was answered, or given up, before this process began to read them."""

_catalog: Final = msgspec.json.Decoder(CatalogMessage)
_rules: Final = msgspec.json.Decoder(RuleMessage)
_commands: Final = msgspec.json.Decoder(CommandMessage)
_dead_letters: Final = msgspec.json.Decoder(DeadLetter)

Handler = Callable[[Sequence[Record]], Awaitable[None]]


class ChannelTester(Protocol):
    """Hands a test to delivery."""

    async def test(self, request: ChannelTestRequested) -> None:
        """Write the notification, once for each request."""


def intent_handler(intent: Intent, tester: ChannelTester, clock: Clock) -> Handler:
    """Return the handler of the catalog, the rules and the commands. No record can stop it."""

    async def on_intent_records(records: Sequence[Record]) -> None:
        for record in records:
            try:
                with skip_unreadable(record):
                    await on_intent(record)
            except TRANSIENT_ERRORS as error:
                # who asked gets no answer in time and is told so
                log.warning("channel_test_failed", error=repr(error))

    async def on_intent(record: Record) -> None:
        if record.value is None:
            return
        if record.topic == COMMANDS.name:
            command = _commands.decode(record.value)
            if (
                isinstance(command, ChannelTestRequested)
                and clock() - command.requested_at <= TEST_MAX_AGE
            ):
                await tester.test(command)
            return
        change = (_rules if record.topic == RULES.name else _catalog).decode(record.value)
        if record.topic == RULES.name or isinstance(change, ServiceChanged):
            intent.apply(change)

    return on_intent_records


def refusals_handler(impossible: InvalidCountReports, clock: Clock) -> Handler:
    """Return the handler of dead letters, which counts the reports that cannot be."""

    async def on_dead_letters(records: Sequence[Record]) -> None:
        for record in records:
            with skip_unreadable(record):
                letter = _dead_letters.decode(record.value or b"")
                if letter.code in CODES and letter.appended_at > clock() - REMEMBERED:
                    name = _service_of(letter)
                    if name is not None:
                        impossible.note(name, letter.appended_at)

    return on_dead_letters


def _service_of(letter: DeadLetter) -> str | None:
    """Return the service that a refused event names."""
    try:
        content: Any = json.loads(b64decode(letter.value or "", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    name = content.get("service") if isinstance(content, dict) else None
    return name if isinstance(name, str) and is_service_name(name) else None
