"""Starting and ending a whole stack from outside its supervisor."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import httpx

from burnline.errors import StackError
from burnline.localstack.config import DataDir, StackConfig
from burnline.localstack.logfiles import tail
from burnline.localstack.ports import Reservations, resolve_port
from burnline.localstack.processes import end_processes
from burnline.localstack.services import PLAIN_HTTP, SERVICES
from burnline.localstack.state import StackState, read_state

SERVED_TIMEOUT_SECONDS: Final = 240.0
STOP_TIMEOUT_SECONDS: Final = 90.0
KILL_TIMEOUT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.2
END_TIMEOUT_SECONDS: Final = 10.0
REQUEST_TIMEOUT_SECONDS: Final = 5.0
TAIL_LINES: Final = 20
SERVICES_START: Final = "starting the services"


def settle_ports(config: StackConfig, reservations: Reservations) -> StackConfig:
    """Choose and reserve the ports; StackError when one that was chosen explicitly is busy."""
    ports = [
        replace(port, port=resolve_port(config.host, port, reservations)) for port in config.ports
    ]
    return replace(config, ports=tuple(ports))


def launch(config: StackConfig, reservations: Reservations, dashboard: dict[str, str]) -> None:
    """Start the supervisor in a session of its own; its streams go to its log.

    Returns when it has written its state; StackError with its log when it ends before that.
    """
    config.data_dir.logs.mkdir(parents=True, exist_ok=True)
    config.data_dir.state.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "BURNLINE_DATA_DIR": str(config.data_dir.path),
        **dashboard,
        **{port.variable: str(port.port) for port in config.ports},
    }
    with config.data_dir.log("supervisor").open("ab") as output:
        supervisor = subprocess.Popen(
            (sys.executable, "-m", "burnline.localstack"),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=reservations.descriptors,
        )
    while not config.data_dir.state.exists():
        if supervisor.poll() is not None:
            raise StackError(failure(config.data_dir, None))
        time.sleep(POLL_SECONDS)


def wait_served(config: StackConfig, turn: Callable[[str], None]) -> StackState:
    """Wait until the stack serves; `turn` is called with each step that it comes to.

    Raises StackError with the tail of the log that shows why it does not.
    """
    deadline = time.monotonic() + SERVED_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        state = read_state(config.data_dir.state)
        if state is None or state.phase == "failed" or not state.is_running():
            _let_end(state)
            raise StackError(failure(config.data_dir, state))
        turn(state.detail or SERVICES_START)
        if state.phase == "running" and is_served(state, snapshot=config.simulator):
            return state
        time.sleep(POLL_SECONDS)
    state = read_state(config.data_dir.state)
    message = f"nothing was served within {SERVED_TIMEOUT_SECONDS:.0f} s; the stack still runs"
    raise StackError(f"{message}\n{failure(config.data_dir, state)}")


def _let_end(state: StackState | None) -> None:
    """Wait for a supervisor that has given up: nothing is left when the command returns."""
    deadline = time.monotonic() + END_TIMEOUT_SECONDS
    while state is not None and state.is_running() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def is_served(state: StackState, *, snapshot: bool) -> bool:
    """Whether all services are ready and, if asked for, a burn rate is to be had."""
    with httpx.Client(
        timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False, verify=PLAIN_HTTP
    ) as client:
        try:
            for service in SERVICES:
                if not client.get(f"{state.address(service.port_variable)}/readyz").is_success:
                    return False
            if not snapshot:
                return True
            answer = client.get(f"{state.address('BURNLINE_PORT')}/api/burn")
            return answer.is_success and bool(answer.json())
        except (httpx.HTTPError, json.JSONDecodeError):
            return False


def failure(data_dir: DataDir, state: StackState | None) -> str:
    """What went wrong, with the end of the log of the process that most likely shows it."""
    name = "supervisor"
    if state is not None:
        restless = [child for child in state.children if child.restarts or not child.identity]
        steps = [step for step in ("migrations", "topics") if f"{step} failed" in state.detail]
        name = steps[0] if steps else restless[0].name if restless else name
    detail = state.detail if state is not None else "the supervisor did not start"
    lines = "\n".join(tail(data_dir.log(name), TAIL_LINES))
    return f"{detail}\n--- end of {data_dir.log(name)} ---\n{lines}"


def end_stack(data_dir: DataDir) -> bool:
    """End the stack in order, and whatever a killed supervisor left; False if nothing ran."""
    state = read_state(data_dir.state)
    if state is None or not any(identity.is_alive() for identity in state.identities()):
        return False
    if state.supervisor is not None:
        end_processes([state.supervisor], STOP_TIMEOUT_SECONDS)
    # Read again: the supervisor may have started something between our reading and its end.
    latest = read_state(data_dir.state) or state
    end_processes([*latest.identities(), *state.identities()], KILL_TIMEOUT_SECONDS)
    return True
