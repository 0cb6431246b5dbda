"""What strangers may write where a name, a reason or a description is asked for."""

import pytest

HOSTILE = (
    "reason <!-- hides\nthe rest",
    "two\r\nlines",
    "\x1b[2J\x1b]8;;file:///etc\x07click\x1b]8;;\x07",
    "::error title=forged::message",
    "[/x] [bold]name[/bold] [link=x]y[/link]",
    "# heading\n- item",
    "- item",
    "1. item",
    "<script>alert(1)</script> ![x](y) [a](b) `code` ```block``` | cell | ~~gone~~ *bold*",
    "<!channel> <@U1> <https://example.test|bank> @everyone @here",
    "nul\0 and bell\a and del\x7f",
    "right\u202eto left\u2066 and zero\u200bwidth \u2028 line \ue000",
    "see http://example.test and www.example.test and @everyone",
    "=HYPERLINK(1)",
    "{{ 7 * 7 }} ${HOME} %0a %n",
)
hostile = pytest.mark.parametrize("text", HOSTILE)
