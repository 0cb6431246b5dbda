"""Let fault tests kill or freeze the process at named places. Inert otherwise.

`BURNLINE_FAILPOINTS=ledger.after_apply:3:KILL` ends the process at the third passage, once: a
file in the data directory remembers, so that the restarted process goes on.
"""

import os
import signal
from collections import Counter
from pathlib import Path

_SIGNALS = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP}
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Kill or freeze the process here, if the environment names this place."""
    asked = os.environ.get("BURNLINE_FAILPOINTS")
    if not asked:
        return
    for spec in asked.split(","):
        place, count, action = spec.split(":")
        if place == name:
            _pass(name, int(count), _SIGNALS[action])


def _pass(name: str, count: int, action: signal.Signals) -> None:
    _passed[name] += 1
    hit = Path(os.environ.get("BURNLINE_DATA_DIR", ".burnline"), f"failpoint-{name}.hit")
    if _passed[name] == count and not hit.exists():
        hit.touch()
        os.kill(os.getpid(), action)
