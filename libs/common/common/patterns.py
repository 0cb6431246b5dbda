r"""Patterns of whole texts, for the two kinds of readers that they have.

To Python, and to msgspec with it, `$` is also the place before a newline at the end, so that
"name\n" passes; `\Z` is the end alone. JSON Schema and pydantic know `$` as the end, and no `\Z`.
"""

from typing import Final

PYTHON_END: Final = r"\Z"


def whole(pattern: str) -> str:
    r"""Return a pattern that ends in `$` as Python is to be given it, ending in `\Z`."""
    return pattern.removesuffix("$") + PYTHON_END


def for_json_schema(pattern: str) -> str:
    """Return a pattern of `whole` as JSON Schema is to be given it."""
    return pattern.removesuffix(PYTHON_END) + "$" if pattern.endswith(PYTHON_END) else pattern
