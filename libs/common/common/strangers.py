"""Text that strangers wrote, made safe for what it is shown in: one function for each format.

JSON (log lines, bodies of requests) and HTML (Jinja escapes it) need no more than `one_line` or
`several_lines`; these take away what controls a terminal or turns the order of reading.
"""

import re
import unicodedata

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#!|~&@]|:(?=//)|(?<=www)\.)")
# a cell that begins so is a formula; behind a semicolon one begins where that separates cells
_FORMULA = re.compile(
    r"(^|[;|]\s*)(?=[=+\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    r"\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}])"
)
_MARKDOWN_START = re.compile(r"^(?:(\d+)(?=\.(?: |$))|(?=[-+=]))")


def visible(text: object) -> str:
    """Return text without control, format and private characters; it keeps its lines and tabs."""
    spaced = (" " if c.isspace() and c not in "\n\t" else c for c in str(text))
    return "".join(c for c in spaced if c in "\n\t" or unicodedata.category(c)[0] != "C")


def one_line(text: object) -> str:
    """Return text for terminals, titles and logs, on one line."""
    return " ".join(visible(text).split())


def several_lines(text: object) -> str:
    """Return text that may have lines, such as a description, each as `one_line` gives it."""
    return "\n".join(one_line(line) for line in str(text).splitlines())


def markdown(text: object) -> str:
    """Return text in which Markdown finds no sign of its own, on one line."""
    return _MARKDOWN_START.sub(r"\1\\", _MARKDOWN.sub(r"\\\1", one_line(text)))


def slack_code(text: object) -> str:
    """Return text for a block of code of Slack's mrkdwn: it has no other signs in there."""
    line = one_line(text).replace("`", "'")
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def chat(text: object) -> str:
    """Return text for chats of any kind, in which it calls nobody (`@everyone`), on one line."""
    return one_line(text).replace("@", "\N{FULLWIDTH COMMERCIAL AT}")


def spreadsheet_cell(text: object) -> str:
    """Return text for a cell of CSV, which no spreadsheet takes for a formula, on one line."""
    return _FORMULA.sub(r"\1'", one_line(text))


def workflow_data(text: str) -> str:
    """Return text for a workflow command of GitHub, which may have lines."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
