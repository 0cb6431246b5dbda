r"""Patterns of whole texts, for the two kinds of readers that they have.

To Python, and to msgspec with it, `$` is also the place before a newline at the end, so that
"name\n" passes; `\Z` is the end alone. JSON Schema and pydantic know `$` as the end, and no `\Z`.
"""

from typing import Final

PYTHON_END: Final = r"\Z"
NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,62}$"
"""Of services, rules, channels and policies."""
NAME_IN_WORDS: Final = (
    "must be of lower-case letters, digits, dots, dashes and underscores, beginning with a letter "
    "or digit, at most 63 characters"
)


def whole(pattern: str) -> str:
    r"""Return a pattern that ends in `$` as Python is to be given it, ending in `\Z`."""
    return pattern.removesuffix("$") + PYTHON_END


def for_json_schema(pattern: str) -> str:
    """Return a pattern of `whole` as JSON Schema is to be given it."""
    return pattern.removesuffix(PYTHON_END) + "$" if pattern.endswith(PYTHON_END) else pattern


def in_words(pattern: str) -> str:
    """Say what a text must be to match, to people who need not know patterns."""
    if for_json_schema(pattern) == NAME:
        return NAME_IN_WORDS
    if pattern.startswith("^[^"):
        return "must not hold control characters, such as U+0000 or, in a line, its end"
    return "is not of the form that the API document shows"
