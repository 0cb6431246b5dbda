"""What other systems send: that something about a service was changed."""

from datetime import datetime
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct

from common.events.fields import MAX_TEXT_LENGTH, PLAIN, ServiceName, plain_text

MAX_URL_LENGTH = 512
MAX_NOTE_LENGTH = 512

ChangeKind = Literal[
    "deploy", "rollback", "config", "feature_flag", "infrastructure", "other", "note"
]
NOTE: Final = "note"
"""Something was remarked of the service and nothing of it was changed: it explains no errors."""
CHANGING_KINDS: Final = tuple(kind for kind in get_args(ChangeKind) if kind != NOTE)


class ChangeEvent(Struct, frozen=True, omit_defaults=True):
    """Something about a service was changed at `at`, so that spent budget can be laid at its door.

    Or it was only remarked: of kind `note`, whose text stands in `note` and is not empty.
    Two events with the same service, source and event_id are one; without an event_id the
    content takes its place. Unknown fields are ignored on Kafka and refused over HTTP.
    """

    service: Annotated[ServiceName, Meta(description="The record's key as well")]
    at: Annotated[datetime, Meta(tz=True, description="When it took effect, RFC 3339")]
    kind: ChangeKind
    version: Annotated[str, plain_text("What is in place since, for example 1.42.0")] = ""
    actor: Annotated[str, plain_text("Who or what made the change")] = ""
    url: Annotated[
        str,
        Meta(
            max_length=MAX_URL_LENGTH,
            pattern=r"^(https?://[^\s\u0000-\u001f\u007f]+)?\Z",
            description="Where it is described; http or https",
        ),
    ] = ""
    note: Annotated[
        str, Meta(max_length=MAX_NOTE_LENGTH, pattern=PLAIN, description="Free text")
    ] = ""
    source: Annotated[str, plain_text("Who reports it, for example a pipeline's name")] = ""
    event_id: Annotated[
        str,
        Meta(
            max_length=MAX_TEXT_LENGTH,
            pattern=PLAIN,
            description="Unique for the service and the source",
        ),
    ] = ""
