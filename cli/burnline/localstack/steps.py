"""What a command is doing, shown while it does it, and how long each step took."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

NOTICEABLE_SECONDS: Final = 0.1


class Steps:
    """Steps one after the other (`turn`) and beside them (`beside`), from several threads."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._turn, self._since = "", 0.0

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text)

    def turn(self, name: str) -> None:
        """End the step before and begin this one; nothing when it is this one already."""
        if name != self._turn:
            self.end_turn()
            self._turn, self._since = name, time.monotonic()
            self.say(name)

    def end_turn(self) -> None:
        """End the step that was begun last."""
        if self._turn:
            self._note(self._turn, time.monotonic() - self._since)
        self._turn = ""

    @contextmanager
    def beside(self, name: str) -> Iterator[None]:
        """Take a step beside the others."""
        since = time.monotonic()
        try:
            yield
        finally:
            self._note(name, time.monotonic() - since)

    @contextmanager
    def bar(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Give what shows how many bytes are there, and of how many, as a bar on a terminal."""
        columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        is_off = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=is_off) as progress:
            task = progress.add_task(name, total=None, visible=False)

            def show(done_bytes: int, total_bytes: int) -> None:
                progress.update(task, completed=done_bytes, total=total_bytes, visible=True)

            yield show

    def summary(self) -> str:
        """The steps that took noticeable time, in the order of their ends."""
        return ", ".join(
            f"{name} {seconds:.1f} s"
            for name, seconds in self._seconds.items()
            if seconds >= NOTICEABLE_SECONDS
        )

    def _note(self, name: str, seconds: float) -> None:
        with self._lock:
            self._seconds[name] = seconds
