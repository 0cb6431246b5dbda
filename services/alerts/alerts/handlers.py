"""Handlers of the topics that every process of the service reads in full."""

import binascii
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from alerts.domain.configuration import AlertConfiguration
from alerts.domain.invalid_count_reports import CODES, REMEMBERED, InvalidCountReports
from common.config.clock import Clock
from common.events import ChannelTestRequested, DeadLetter, RuleMessage, ServiceChanged
from common.kafka.client import Record
from common.kafka.topics import CATALOG, COMMANDS, METRICS_DEAD, RULES
from common.kafka.unreadable import event_handler
from common.runtime.loops import TRANSIENT_ERRORS
from common.slo.vocabulary import is_service_name

log = structlog.get_logger()

CONFIGURATION_TOPICS: Final = (CATALOG.name, RULES.name, COMMANDS.name)
DEAD_LETTER_TOPICS: Final = (METRICS_DEAD.name,)
TEST_MAX_AGE: Final = timedelta(seconds=30)
"""An older request was answered or given up before this process started to read."""

Handler = Callable[[Sequence[Record]], Awaitable[None]]


def configuration_handler(
    configuration: AlertConfiguration,
    test_channel: Callable[[ChannelTestRequested], Awaitable[None]],
    clock: Clock,
) -> Handler:
    """Return the handler of catalog, rules and commands. It does not stop at any record."""

    async def on_event(event: Any) -> None:
        if isinstance(event, ServiceChanged | RuleMessage):
            configuration.apply(event)
        elif isinstance(event, ChannelTestRequested):
            await on_command(event)

    async def on_command(command: ChannelTestRequested) -> None:
        if clock() - command.requested_at > TEST_MAX_AGE:
            return
        try:
            await test_channel(command)
        except TRANSIENT_ERRORS as error:
            # the API answers that the test was not made in time
            log.warning("channel_test_failed", error=repr(error))

    return event_handler(on_event)


def dead_letter_handler(invalid_counts: InvalidCountReports, clock: Clock) -> Handler:
    """Return the handler of dead letters, which counts reports with invalid counts."""

    def on_dead_letter(dead_letter: DeadLetter) -> None:
        recent = dead_letter.appended_at > clock() - REMEMBERED
        if dead_letter.code in CODES and recent and (name := _service_of(dead_letter)):
            invalid_counts.add(name, dead_letter.appended_at)

    return event_handler(on_dead_letter)


def _service_of(dead_letter: DeadLetter) -> str | None:
    """Return the service that a refused event names."""
    try:
        content: Any = json.loads(b64decode(dead_letter.value or "", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    name = content.get("service") if isinstance(content, dict) else None
    return name if isinstance(name, str) and is_service_name(name) else None
