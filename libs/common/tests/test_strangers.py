"""What strangers wrote changes nothing of the format in which it is shown."""

import html
import json
import logging
import re
import unicodedata
from io import StringIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common import strangers
from common.observability.logging import configure_logging
from common.strangers import (
    chat,
    markdown,
    one_line,
    several_lines,
    slack_code,
    spreadsheet_cell,
    workflow_data,
)
from tests.support.hostile import hostile


@hostile
def test_a_terminal_gets_one_line_and_no_command(text: str) -> None:
    shown = one_line(text)
    assert not [c for c in shown if unicodedata.category(c).startswith("C")]
    assert shown.splitlines() in ([shown], [])


@hostile
def test_a_log_shown_in_a_terminal_keeps_its_lines_and_gives_no_command(text: str) -> None:
    shown = strangers.visible(f"a\tb {text}")
    assert not [c for c in shown if c not in "\t\n" and unicodedata.category(c).startswith("C")]
    assert shown.startswith("a\tb ")


@hostile
def test_several_lines_are_as_clean_as_one(text: str) -> None:
    assert several_lines(text).split("\n") == [one_line(line) for line in text.splitlines()]


@hostile
def test_a_table_shows_markup_as_it_stands(text: str) -> None:
    shown = StringIO()
    table = Table("name", box=None)
    table.add_row(Text(one_line(text)))
    Console(width=200, color_system=None, file=shown).print(table)
    assert one_line(text) in shown.getvalue()


@hostile
def test_markdown_has_no_sign_that_is_not_escaped(text: str) -> None:
    written = markdown(text)
    bare = re.sub(r"\\.", "", written)
    assert not set("`*_{}[]()<>#!|~&@") & set(bare)
    assert "://" not in bare
    assert "www." not in bare
    assert not re.match(r"[-+=]|\d+[.)]( |$)", written)


@hostile
def test_html_has_no_element_of_strangers(text: str) -> None:
    page = Environment(autoescape=True, finalize=one_line).from_string("<p>{{ text }}</p>")
    written = page.render(text=text)
    assert html.unescape(written) == f"<p>{one_line(text)}</p>"
    assert re.findall(r"<[^>]*>", written) == ["<p>", "</p>"]


@hostile
def test_a_block_of_code_of_slack_does_not_end_and_calls_nobody(text: str) -> None:
    assert not set("`<>\n") & set(slack_code(text))
    assert not re.search(r"&(?!amp;|lt;|gt;)", slack_code(text))


@hostile
def test_a_chat_calls_nobody(text: str) -> None:
    assert "@" not in chat(text)


@hostile
def test_a_workflow_command_stays_one(text: str) -> None:
    assert workflow_data(text).splitlines()[:1] == [workflow_data(text)] or "\u2028" in text


@hostile
def test_a_log_line_is_one_of_plain_ascii(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    handlers = logging.root.handlers
    try:
        configure_logging("test", debug=False)
        structlog.get_logger().warning("refused", reason=text)
        (line,) = capsys.readouterr().out.splitlines()
    finally:
        structlog.configure(**before)
        logging.root.handlers = handlers
        structlog.contextvars.clear_contextvars()
    assert line.isprintable()
    assert line.isascii()
    assert json.loads(line)["reason"] == text


@given(st.text(max_size=60))
def test_what_is_shown_says_the_same(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", markdown(text), flags=re.DOTALL) == one_line(text)
    assert one_line(one_line(text)) == one_line(text)


@hostile
@pytest.mark.parametrize("before", ["", " ", "\t", "\r\n", "text; ", "a;", "\u200b"])
@pytest.mark.parametrize("sign", "=+-@")
def test_a_spreadsheet_finds_no_formula_in_a_cell_nor_behind_a_semicolon(
    text: str, before: str, sign: str
) -> None:
    shown = spreadsheet_cell(f"{before}{sign}{text}")
    assert not [part for part in shown.split(";") if part.lstrip()[:1] in {*"=+-@"}]
    assert shown.replace("'", "") == one_line(f"{before}{sign}{text}").replace("'", "")
