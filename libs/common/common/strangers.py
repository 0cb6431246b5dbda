"""Text that strangers wrote, made safe for what it is shown in: one function for each format."""

import re
import unicodedata

from rich.markup import escape

_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#!|~&@]|:(?=//)|(?<=www)\.)")


def one_line(text: object) -> str:
    """Return text for terminals and logs: on one line, without what controls a terminal.

    Control and format characters (ANSI escapes, marks that turn the order of reading) go.
    """
    shown = (c for c in str(text) if c.isspace() or unicodedata.category(c) not in _UNSEEN)
    return " ".join("".join(shown).split())


def rich_markup(text: object) -> str:
    """Return text in which Rich finds no markup, on one line."""
    return escape(one_line(text))


def markdown(text: object) -> str:
    """Return text in which Markdown finds no sign of its own, on one line."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))
