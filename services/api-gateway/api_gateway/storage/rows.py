"""Tables of schema `catalog`, and rows of any table as values of the domain."""

from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import DateTime, MetaData, Row

METADATA: Final = MetaData(schema="catalog")
INSTANT: Final = DateTime(timezone=True)

Value = TypeVar("Value")


def from_row(kind: type[Value], row: Row[Any], **given: Any) -> Value:
    """Return a `kind` of the columns that have its fields' names, and of fields that are none.

    `retired` is read from `retired_at`.
    """
    # the names of columns are of a class of their own
    content: dict[str, Any] = {str(name): value for name, value in row._asdict().items()}
    if "retired_at" in content:
        content["retired"] = content["retired_at"] is not None
    return msgspec.convert({**content, **given}, kind)
