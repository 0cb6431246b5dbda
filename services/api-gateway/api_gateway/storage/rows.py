"""Tables of schema `catalog`, and rows of any table as values of the domain."""

from typing import Any, TypeVar, get_type_hints

import msgspec
from sqlalchemy import Row, TableClause, column
from sqlalchemy import table as table_clause
from sqlalchemy.types import TypeEngine

Value = TypeVar("Value")


def table(kind: type, name: str, *others: str, **converted: TypeEngine[Any]) -> TableClause:
    """Return a table whose columns are the fields of a `kind`, and others that it has beside them.

    The database knows the types; those that the driver does not read as they are can be given.
    """
    names = {"retired_at" if field == "retired" else field for field in get_type_hints(kind)}
    columns = [column(each, converted.get(each)) for each in sorted({*names, *others})]
    return table_clause(name, *columns, schema="catalog")


def from_row(kind: type[Value], row: Row[Any], **given: Any) -> Value:
    """Return a `kind` of the columns that have its fields' names, and of fields that are none.

    `retired` is read from `retired_at`.
    """
    # the names of columns are of a class of their own
    content: dict[str, Any] = {str(name): value for name, value in row._asdict().items()}
    if "retired_at" in content:
        content["retired"] = content["retired_at"] is not None
    return msgspec.convert({**content, **given}, kind)
