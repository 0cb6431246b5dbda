"""Services as processes that are forked from one which has imported everything already.

Importing keeps a core busy for nearly two seconds, and each scenario starts a few services. What is
forked runs the service's own entry point, in the environment that it is given, and nothing else.
"""

import multiprocessing
import os
import runpy
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from burnline.localstack.processes import die_with_parent

# what the services import, also when they first need it: the database's driver, the server's loops
_IMPORTED: Final = (
    "alerts.app",
    "alerts.delivery.service",
    "api_gateway.app",
    "asyncpg",
    "burnrate.app",
    "forecast.app",
    "gate.app",
    "ingest.app",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)
_SERVER: Final = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([*_IMPORTED])


def start_service(
    module: str, environment: Mapping[str, str], log: Path, mutations: str = ""
) -> BaseProcess:
    """Start `python -m module` in a process group of its own, its output at the end of a file.

    `mutations` names what `tests.faults.harness.mutant` is to take out of it, separated by commas.
    """
    process = _SERVER.Process(target=_serve, args=(module, dict(environment), log, mutations))
    process.start()
    return process


def _serve(module: str, environment: dict[str, str], log: Path, mutations: str) -> None:
    os.setpgid(0, 0)
    die_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    if mutations:
        from tests.faults.harness.mutant import mutate  # noqa: PLC0415 - for mutants only

        mutate(mutations)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
