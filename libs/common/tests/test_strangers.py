"""What strangers wrote changes nothing of the format in which it is shown."""

import re
import unicodedata
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from burnline.strangers import markdown, one_line, rich_markup

HOSTILE = [
    "reason <!-- hides\nthe rest",
    "two\r\nlines",
    "\x1b[2J\x1b]8;;file:///etc\x07click\x1b]8;;\x07",
    "::error title=forged::message",
    "[/x] [bold]name[/bold] [link=x]y[/link]",
    "# heading\n- item",
    "<script>alert(1)</script> ![x](y) [a](b) `code` | cell | ~~gone~~",
    "nul\0 and bell\a and del\x7f",
    "right\u202eto left\u2066 and zero\u200bwidth",
    "see http://example.test and www.example.test and @everyone",
    "\udcff",
]
hostile = pytest.mark.parametrize("text", HOSTILE)


def rendered(cell: str) -> str:
    shown = StringIO()
    console = Console(width=200, color_system=None, file=shown)
    table = Table("name", box=None)
    table.add_row(cell)
    console.print(table)
    return shown.getvalue()


@hostile
def test_a_terminal_gets_one_line_and_no_command(text: str) -> None:
    shown = one_line(text)
    assert not [c for c in shown if unicodedata.category(c).startswith("C")]
    assert shown.splitlines() in ([shown], [])


@hostile
def test_rich_shows_markup_as_it_stands(text: str) -> None:
    assert one_line(text) in rendered(rich_markup(text))


@hostile
def test_markdown_has_no_sign_that_is_not_escaped(text: str) -> None:
    bare = re.sub(r"\\.", "", markdown(text))
    assert not set("`*_{}[]()<>#!|~&@") & set(bare)
    assert "://" not in bare
    assert "www." not in bare


@given(st.text(max_size=60))
def test_what_is_shown_says_the_same(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", markdown(text), flags=re.DOTALL) == one_line(text)
    assert one_line(one_line(text)) == one_line(text)
