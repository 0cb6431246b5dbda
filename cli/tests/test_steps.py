"""What `burnline up` is doing is shown, and how long each step took is said at the end."""

import io
import re
import time

import pytest
from rich.console import Console

from burnline.localstack.steps import Steps


def steps(*, is_terminal: bool) -> tuple[Steps, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=is_terminal, width=100, legacy_windows=False)
    return Steps(console), stream


def test_a_turn_is_printed_once_and_timed_until_the_next() -> None:
    taken, printed = steps(is_terminal=False)
    for name in ("first", "first", "second"):
        taken.turn(name)
        time.sleep(0.11)
    taken.end_turn()
    assert printed.getvalue().split() == ["first", "second"]
    took = re.fullmatch(r"first (.+) s, second (.+) s", taken.summary())
    assert took is not None
    assert float(took[1]) >= 0.2
    assert float(took[2]) >= 0.1


def test_what_took_no_time_is_not_said_and_what_failed_is() -> None:
    taken, _ = steps(is_terminal=False)
    with taken.beside("nothing"):
        pass
    with pytest.raises(ZeroDivisionError), taken.beside("in vain"):
        _fail_after(0.11)
    assert re.fullmatch(r"in vain \d+\.\d s", taken.summary())


def test_bytes_are_a_bar_on_a_terminal_and_nothing_in_a_file() -> None:
    for is_terminal in (True, False):
        taken, printed = steps(is_terminal=is_terminal)
        with taken.bar("Apache Kafka") as show:
            show(12_000_000, 45_000_000)
            time.sleep(0.3)
        assert ("12.0/45.0 MB" in printed.getvalue()) is is_terminal


def _fail_after(seconds: float) -> float:
    time.sleep(seconds)
    return seconds / 0
