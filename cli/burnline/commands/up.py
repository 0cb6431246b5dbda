"""`burnline up`, `down`, `clean`: the life of the local stack."""

import contextlib
import shutil
import time
from dataclasses import replace

from rich.console import Console

from burnline.errors import StackError
from burnline.localstack.broker import broker_name
from burnline.localstack.config import DataDir, StackConfig, data_dir, ensure_token
from burnline.localstack.dashboard import DIRECTORY_VARIABLE, ensure_dashboard
from burnline.localstack.demo_services import declare_once
from burnline.localstack.launch import (
    end_stack,
    launch,
    one_at_a_time,
    settle_broker,
    settle_ports,
    wait_served,
)
from burnline.localstack.ports import Reservations
from burnline.localstack.postgres_home import forget_home
from burnline.localstack.state import StackState, read_state

OURS = ("logs", "kafka", "environment", "hold")
WRITTEN = ("simulator*", "imports.json*")

console = Console(highlight=False, soft_wrap=True)


def up() -> None:
    """Start the local stack and return when it serves; it goes on by itself."""
    started = time.monotonic()
    config = StackConfig.from_environment()
    with one_at_a_time(config.data_dir):
        state = read_state(config.data_dir.state)
        if state is not None and state.is_running() and state.phase in {"starting", "running"}:
            wanted = replace(config, simulator=_has_simulator(state))
            _print_addresses(wait_served(wanted, console.print), "already running")
            return
        end_stack(config.data_dir)
        config = _launch(config)
        state = wait_served(config, console.print)
        if config.simulator:
            token = state.environment["BURNLINE_API_TOKEN"]
            declare_once(config.data_dir, state.address("BURNLINE_PORT"), token)
    _print_addresses(state, f"served after {time.monotonic() - started:.1f} s")


def _launch(config: StackConfig) -> StackConfig:
    config = settle_broker(config, _warn_of_memory_broker)
    dashboard = _dashboard()
    with contextlib.closing(Reservations()) as reservations:
        config = settle_ports(config, reservations)
        _print_moved_ports(config)
        ensure_token(config)
        name, version = broker_name(config)
        console.print(f"starting on {name} {version}")
        launch(config, reservations, dashboard)
    return config


def _dashboard() -> dict[str, str]:
    """Return where the gateway finds the dashboard; without one the API is still worth having."""
    try:
        return {DIRECTORY_VARIABLE: str(ensure_dashboard(console.print))}
    except StackError as error:
        console.rule("[bold red]NO DASHBOARD")
        console.print(error)
        console.rule()
        return {}


def down() -> None:
    """End the local stack; fine when there is none."""
    directory = data_dir()
    if not directory.path.exists():
        console.print("nothing is running")
        return
    with one_at_a_time(directory):
        console.print("stopped" if end_stack(directory) else "nothing is running")


def clean() -> None:
    """End the local stack and forget its data; a file that is not ours stays."""
    directory = data_dir()
    if not directory.path.exists():
        return
    with one_at_a_time(directory):
        end_stack(directory)
        _forget(directory)
    directory.up_lock.unlink(missing_ok=True)
    if not any(directory.path.iterdir()):
        directory.path.rmdir()
    console.print(f"forgot {directory.path}")


def _forget(directory: DataDir) -> None:
    forget_home(directory)
    for name in OURS:
        shutil.rmtree(directory.path / name, ignore_errors=True)
    written = [path for pattern in WRITTEN for path in directory.path.glob(pattern)]
    for path in (directory.token, directory.state, directory.lock, *written):
        path.unlink(missing_ok=True)


def _has_simulator(state: StackState) -> bool:
    return state.environment.get("ENABLE_METRICS_SIMULATOR") == "true"


def _warn_of_memory_broker(reason: str) -> None:
    console.rule("[bold red]NO APACHE KAFKA")
    console.print(reason)
    console.print(
        "Using the in-memory broker of librdkafka instead: it keeps nothing over a restart and "
        "is no measure of anything. `burnline doctor` says what to install."
    )
    console.rule()


def _print_moved_ports(config: StackConfig) -> None:
    for before, after in zip(StackConfig.from_environment().ports, config.ports, strict=True):
        if before.port != after.port:
            console.print(f"port {before.port} is in use, {after.variable} is {after.port}")


def _print_addresses(state: StackState, headline: str) -> None:
    variables = state.environment
    kafka = " ".join(part for part in (state.broker, state.broker_version) if part)
    token = data_dir().token
    console.print(f"[bold green]{headline}[/]")
    if variables.get(DIRECTORY_VARIABLE):
        # in the fragment, which no browser sends to a server
        page = f"{state.address('BURNLINE_PORT')}/#token={variables['BURNLINE_API_TOKEN']}"
        console.print(f"  dashboard {page}")
    console.print(f"  REST      {state.address('BURNLINE_PORT')}")
    console.print(f"  docs      {state.address('BURNLINE_PORT')}/docs")
    console.print(f"  ingest    {state.address('BURNLINE_INGEST_PORT')}/v1/events")
    console.print(f"  broker    {kafka}, {variables['KAFKA_BOOTSTRAP_SERVERS']}")
    console.print(f"  token     {token if token.exists() else 'BURNLINE_API_TOKEN'}")
    console.print("  more      burnline env, status, logs -f, down")
