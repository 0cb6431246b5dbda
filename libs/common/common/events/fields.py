"""The types of single fields that several events share, and their bounds."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from common.patterns import whole
from common.slo.vocabulary import SERVICE_NAME_PATTERN

COUNT_LIMIT = 2**53
"""Counts are below this, so that every JSON reader holds them exactly."""

MAX_TEXT_LENGTH = 128
MAX_WINDOW_SECONDS = 3600
MAX_BOUNDS = 64
MAX_ATTRIBUTES = 16
MAX_ATTRIBUTE_NAME_LENGTH = 64
MAX_ATTRIBUTE_LENGTH = 256

PLAIN = r"^[^\u0000-\u001f\u007f]*\Z"  # no control characters: PostgreSQL holds no NUL

Count = Annotated[int, Meta(ge=0, lt=COUNT_LIMIT)]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, sent in UTC")]
IndicatorName = Annotated[
    str,
    Meta(
        pattern=whole(SERVICE_NAME_PATTERN),
        description="One of the service's indicators; `default` where none is named",
    ),
]
ServiceName = Annotated[str, Meta(pattern=whole(SERVICE_NAME_PATTERN))]
Ratio = Annotated[float, Meta(description="A ratio: 0.01 is one per cent")]
BurnRate = Annotated[float, Meta(description="1 spends the budget in exactly the SLO window")]
Bound = Annotated[float, Meta(gt=0, description="Seconds")]
Seconds = Annotated[int, Meta(description="Seconds")]
AttributeName = Annotated[str, Meta(max_length=MAX_ATTRIBUTE_NAME_LENGTH, pattern=PLAIN)]
AttributeValue = Annotated[str, Meta(max_length=MAX_ATTRIBUTE_LENGTH, pattern=PLAIN)]


def plain_text(description: str) -> Meta:
    """Return the bounds of a short text without control characters."""
    return Meta(max_length=MAX_TEXT_LENGTH, pattern=PLAIN, description=description)
