"""Rows of a store in memory: how a writer gets a draft of them."""

import copy
from dataclasses import fields
from typing import Any, TypeVar

Rows = TypeVar("Rows")


def draft_of(rows: Rows) -> Rows:
    """Return a copy whose lists and dicts a writer may change.

    What they hold is replaced and never changed, so that it need not be copied.
    """
    content: Any = rows
    kept = {field.name: copy.copy(getattr(content, field.name)) for field in fields(content)}
    return type(rows)(**kept)
