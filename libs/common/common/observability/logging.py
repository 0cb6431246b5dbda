"""Log JSON lines with the correlation id of the HTTP request or Kafka record."""

import logging
import re
import sys
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

CORRELATION_HEADER = "correlation_id"
"""Name of the Kafka header, and of the field in every log line."""

_correlation_id = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_api_key = re.compile(r"(blk_[0-9a-f]{12})_[A-Za-z0-9_-]{8,}")  # see common.access.keys

# without the frames' variables: they hold tokens and passwords
_traceback = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


_hidden: set[str] = set()
SHORTEST_HIDDEN = 8
"""A shorter secret would cut words out of lines that do not hold it."""


def hide_from_logs(secret: str) -> None:
    """Redact a secret of the settings in every line, wherever a caller may have put it."""
    if len(secret) >= SHORTEST_HIDDEN:
        _hidden.add(secret)


def _cut_secrets(_: Any, __: str, line: Any) -> str:
    """Redact secrets that somebody put into a path, an id or an error; API keys by their form."""
    # the one control character that JSON does not escape
    text = _api_key.sub(r"\1_...", str(line).replace("\x7f", r"\u007f"))
    for secret in _hidden:
        text = text.replace(secret, "***")
    return text


_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logging(service: str, *, debug: bool) -> None:
    """Send this process's logs to stdout, one JSON object a line, those of libraries too.

    For DEBUG, libraries log at INFO; their own debug lines would hold payloads.
    """
    level = logging.DEBUG if debug else logging.INFO
    structlog.configure(
        processors=[*_SHARED, _traceback, structlog.processors.JSONRenderer(), _cut_secrets],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    structlog.contextvars.bind_contextvars(service_process=service)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _traceback,
                structlog.processors.JSONRenderer(),
                _cut_secrets,
            ],
        )
    )
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, handlers=[handler])
    # one line for each request of a client, with its whole address, which may hold a secret
    logging.getLogger("httpx").setLevel(logging.WARNING)


def new_correlation_id() -> str:
    """Return an id for a request that brought none."""
    return uuid4().hex


def correlation_id() -> str | None:
    """Return the id of the request or record that is being worked on."""
    value = get_contextvars().get(CORRELATION_HEADER)
    return value if isinstance(value, str) else None


def is_correlation_id(value: str) -> bool:
    """Return whether an id from outside may go into logs, headers and tables: plain and short."""
    return _correlation_id.fullmatch(value) is not None


def correlated(value: str | None) -> AbstractContextManager[None]:
    """Bind the id for the lines logged inside a `with` block; one that is not plain is dropped."""
    plain = value is not None and is_correlation_id(value)
    return bound_contextvars(**({CORRELATION_HEADER: value} if plain else {}))
