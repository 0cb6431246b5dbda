"""Runs a service that has read its code before its servers are there.

`python -m burnline.localstack.warm_start MODULE FILE` imports the module, which takes a second or
two of a core, waits until the file is there, and then runs the module as `python -m MODULE` does.
"""

import importlib
import runpy
import sys
import time
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.05


def main() -> None:
    """Import, wait, run."""
    module, servers_are_ready = sys.argv[1], Path(sys.argv[2])
    importlib.import_module(f"{module}.__main__")
    while not servers_are_ready.exists():
        time.sleep(POLL_SECONDS)
    del sys.modules[f"{module}.__main__"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
