"""Name callers in metrics, within a bound: whoever may make up names must not fill a memory."""

from typing import Final

OTHERS: Final = "others"


class Callers:
    """The first so many callers by name, all others as one."""

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._named: set[str] = set()

    def label(self, caller: str) -> str:
        """Return the caller, or OTHERS where too many have been named."""
        if caller not in self._named:
            if len(self._named) >= self._most:
                return OTHERS
            self._named.add(caller)
        return caller


CALLERS: Final = Callers()
