"""Define the kinds of notification channels, and validate their configuration. Pure.

Addresses count as secrets: those of chats and webhooks often carry a key in their path.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from common.invalid_field import InvalidFieldError
from common.patterns import NAME, NAME_IN_WORDS

SIMULATED = "simulated"
"""The channel, and its kind, that is always there: notifications are stored, shown and logged."""

CHANNEL_NAME_PATTERN = NAME
MAX_VALUE_LENGTH = 2048
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"

_SHOWN_SCHEMES = frozenset({"http", "https"})
_channel_name = re.compile(CHANNEL_NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class ChannelField:
    """A field of a channel's configuration."""

    name: str
    required: bool = True
    is_address: bool = False


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A way to deliver. `alert_by_alert`: each alert is a request of its own."""

    name: str
    fields: tuple[ChannelField, ...] = ()
    alert_by_alert: bool = False
    takes_acknowledgements: bool = False


_URL = ChannelField("url", is_address=True)

CHANNEL_KINDS = {
    kind.name: kind
    for kind in (
        ChannelKind(SIMULATED),
        ChannelKind("webhook", (_URL, ChannelField("signing_secret", required=False))),
        ChannelKind("alertmanager", (_URL,)),
        ChannelKind(
            "pagerduty",
            (ChannelField("routing_key"), ChannelField("url", required=False, is_address=True)),
            alert_by_alert=True,
            takes_acknowledgements=True,
        ),
        ChannelKind("slack", (_URL,)),
        ChannelKind("apprise", (ChannelField("url"),)),
    )
}


def check_channel(name: str, kind: str, secrets: Mapping[str, str]) -> None:
    """Raise InvalidFieldError where a channel cannot be used."""
    if _channel_name.fullmatch(name) is None:
        raise InvalidFieldError("name", "invalid_name", NAME_IN_WORDS)
    known = CHANNEL_KINDS.get(kind)
    if known is None:
        detail = f"must be one of {', '.join(CHANNEL_KINDS)}"
        raise InvalidFieldError("kind", "unknown_kind", detail)
    _check_fields(known, secrets)


def shown_address(secrets: Mapping[str, str]) -> str | None:
    """Return as much of a channel's address as may be shown: scheme and host.

    Of an address that is not http only the scheme: the host may be a key there.
    """
    parts = urlsplit(secrets.get("url", ""))
    if not parts.scheme:
        return None
    shown = parts.hostname if parts.scheme in _SHOWN_SCHEMES else "..."
    return f"{parts.scheme}://{shown}"


def _check_fields(kind: ChannelKind, secrets: Mapping[str, str]) -> None:
    fields = {field.name: field for field in kind.fields}
    for name in secrets:
        if name not in fields:
            taken = ", ".join(fields) or "nothing"
            detail = f"does not belong to a channel of kind {kind.name}, which takes {taken}"
            raise InvalidFieldError(f"secrets.{name}", "unknown_field", detail)
    for field in kind.fields:
        value = secrets.get(field.name)
        if value is not None:
            _check_value(field, value)
        elif field.required:
            detail = f"is required for a channel of kind {kind.name}"
            raise InvalidFieldError(f"secrets.{field.name}", "missing", detail)


def _check_value(field: ChannelField, value: str) -> None:
    where = f"secrets.{field.name}"
    if not value or len(value) > MAX_VALUE_LENGTH or not value.isprintable() or " " in value:
        detail = f"must be 1 to {MAX_VALUE_LENGTH} printable characters without spaces"
        raise InvalidFieldError(where, "invalid_value", detail)
    if field.is_address and not _is_address(value):
        detail = "must be an absolute address that begins with https:// or http://"
        raise InvalidFieldError(where, "invalid_address", detail)


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    return parts.scheme in _SHOWN_SCHEMES and bool(parts.hostname)
