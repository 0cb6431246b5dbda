"""Base models and field types that the resources' schemas share."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from common.access.names import ConfusableNameError, normalised_name
from common.config.clock import rfc3339

MAX_DIGITS = 19  # of a bigint; 1e999999999 would fill the memory as an int
BY = "Kind and name of the credential"
MIN_REASON_LENGTH = 10
MAX_REASON_LENGTH = 1000
# the first cannot be stored, the others not even be sent back
NO_TEXT = re.compile("[\0\ud800-\udfff]")
TEXT_PATTERN = r"^[^\u0000]*$"
LINE_PATTERN = r"^[^\u0000-\u001f\u007f]*$"


def _whole_number(value: object) -> object:
    """Let 3 and 3.0 pass, which are the same number in JSON; not true and not "3"."""
    if isinstance(value, Decimal) and value.adjusted() < MAX_DIGITS and _is_whole(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("whole_number", "must be a whole number, without quotes")
    return value


def _is_whole(value: Decimal) -> bool:
    return value == value.to_integral_value()  # exact, where a remainder could underflow to 0


def one_name(value: str) -> str:
    """Return a name as it looks; refuse one that looks like another."""
    try:
        return normalised_name(value)
    except ConfusableNameError as error:
        raise PydanticCustomError("confusable_name", "{fault}", {"fault": str(error)}) from None


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("number", "must be a number, without quotes")
    return value


WHOLE = BeforeValidator(_whole_number)  # bounds stand before it, or the document has none
NUMBER = BeforeValidator(_number)
Text = Annotated[str, StringConstraints(pattern=TEXT_PATTERN)]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=LINE_PATTERN),
]
Name = Annotated[Line, AfterValidator(one_name)]
"""Of a person or a key: two that look the same are the same."""
Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=MIN_REASON_LENGTH,
        max_length=MAX_REASON_LENGTH,
        pattern=TEXT_PATTERN,
    ),
]
Id = Annotated[int, Field(ge=1, le=2**63 - 1), WHOLE]
IfGood = Annotated[
    float | None,
    Field(description="If nothing uncertain was bad; null where nothing is uncertain"),
]
Instant = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Request(BaseModel):
    """What every request body has in common: nothing unknown may be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Actor(Request):
    """For whom the credential acts; a second approver says no more."""

    actor: Name = Field(
        description="For whom it is done: kept as `on_behalf_of` beside the credential's own name",
        examples=["ana"],
    )


class Statement(Actor):
    """Who acts, and why."""

    reason: Reason = Field(examples=["the outage is over, the freeze is not needed"])


class Reasoned(Request):
    """A change that may make a promise milder."""

    reason: Reason | None = Field(
        None, description="Why; needed where the change makes a promise milder"
    )


NO_REASON = Reasoned()
"""Of a request without a body."""


class Answer(BaseModel):
    """What answers have in common: they are made from the attributes of domain values."""

    model_config = ConfigDict(from_attributes=True)


def revision_of(stored: object | None) -> dict[str, Any]:
    """Return the revision and the times of what is stored; None for what no user has set."""
    return {name: getattr(stored, name, None) for name in ("revision", "created_at", "updated_at")}
