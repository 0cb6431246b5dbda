"""Errors of the world outside: they pass, and the same call may succeed the next time."""

from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.kafka.client import UnknownOutcomeError

TRANSIENT_ERRORS = (
    UnknownOutcomeError,
    KafkaError,
    DBAPIError,
    PoolTimeoutError,
    OSError,
    TimeoutError,
)
