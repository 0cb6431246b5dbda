"""`burnline up`, `down`, `clean`: the life of the local stack."""

import contextlib
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Thread

from rich.console import Console

from burnline.client.own_key import ensure_own_key
from burnline.errors import StackError
from burnline.localstack.artifacts import ensure_jars
from burnline.localstack.config import DataDir, StackConfig, data_dir, ensure_token
from burnline.localstack.dashboard import DIRECTORY_VARIABLE, dashboard_dir, ensure_dashboard
from burnline.localstack.demo_services import declare_once
from burnline.localstack.kafka import broker_name
from burnline.localstack.launch import end_stack, launch, settle_ports, wait_served
from burnline.localstack.places import exclusive, require_space
from burnline.localstack.ports import Reservations
from burnline.localstack.postgres_home import forget_home
from burnline.localstack.runtimes import JAVA, ensure
from burnline.localstack.state import StackState, read_running
from burnline.localstack.steps import Steps

NEEDED_BYTES = 300_000_000
OURS = ("logs", "kafka", "environment", "hold", "lives")
WRITTEN = ("simulator*", "imports.json*", "servers-ready")

console = Console(highlight=False, soft_wrap=True)


def up() -> None:
    """Start the local stack and return when it serves; it goes on by itself."""
    started = time.monotonic()
    config, steps = StackConfig.from_environment(), Steps(console)
    with exclusive(config.data_dir.up_lock):
        before = _running(config.data_dir)
        if before is None:
            require_space(config.data_dir.path, NEEDED_BYTES)
            end_stack(config.data_dir)
        dashboard = _begin_dashboard(steps)
        if before is None:
            config = _launch(config, steps)
        else:
            config = replace(config, simulator=_has_simulator(before))
        state = wait_served(config, steps.turn)
        ensure_own_key(config.data_dir, state, state.environment["BURNLINE_API_TOKEN"])
        state = read_running(config.data_dir.state) or state
        if config.simulator:
            key = state.environment["BURNLINE_API_TOKEN"]
            declare_once(config.data_dir, state.address("BURNLINE_PORT"), key)
        steps.end_turn()
        served = f"served after {time.monotonic() - started:.1f} s"
        no_dashboard = dashboard.result()
    if no_dashboard:
        _print_framed("NO DASHBOARD", no_dashboard)
    headline = "already running" if before else served
    _print_addresses(state, headline, has_dashboard=not no_dashboard)
    if steps.summary():
        console.print(f"  took      {steps.summary()}")


def _running(directory: DataDir) -> StackState | None:
    state = read_running(directory.state)
    return state if state is not None and state.phase in {"starting", "running"} else None


def _launch(config: StackConfig, steps: Steps) -> StackConfig:
    if config.bootstrap_servers is None:
        with ThreadPoolExecutor() as pool:
            fetched = [pool.submit(_fetch_java, steps), pool.submit(_fetch_kafka, steps)]
        for each in fetched:
            each.result()
    with contextlib.closing(Reservations()) as reservations:
        config = settle_ports(config, reservations)
        _print_moved_ports(config)
        ensure_token(config)
        name, version = broker_name(config.bootstrap_servers)
        console.print(f"starting on {name} {version}")
        launch(config, reservations, {DIRECTORY_VARIABLE: str(dashboard_dir())})
    return config


def _fetch_java(steps: Steps) -> None:
    with steps.beside("Java"):
        ensure(JAVA, steps.say)


def _fetch_kafka(steps: Steps) -> None:
    with steps.beside("Kafka's jars"), steps.bar("Apache Kafka") as show:
        ensure_jars(steps.say, show)


def _begin_dashboard(steps: Steps) -> Future[str]:
    """Build it beside all else; the result is why there is none, or nothing."""
    # A thread that ends with the command: who waits for an error does not wait for a dashboard.
    result = Future[str]()
    Thread(target=_build_dashboard, args=(steps, result), daemon=True).start()
    return result


def _build_dashboard(steps: Steps, result: Future[str]) -> None:
    with steps.beside("the dashboard, beside the rest"):
        try:
            ensure_dashboard(steps.say)
        except StackError as error:  # without one the API is still worth having
            result.set_result(str(error))
        except BaseException as error:
            result.set_exception(error)
            raise
        else:
            result.set_result("")


def down() -> None:
    """End the local stack; fine when there is none."""
    directory = data_dir()
    if not directory.path.exists():
        console.print("nothing is running")
        return
    with exclusive(directory.up_lock):
        console.print("stopped" if end_stack(directory) else "nothing is running")


def clean() -> None:
    """End the local stack and forget its data; a file that is not ours stays."""
    directory = data_dir()
    if not directory.path.exists():
        return
    with exclusive(directory.up_lock):
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
    for path in (directory.token, directory.key, directory.state, directory.lock, *written):
        path.unlink(missing_ok=True)


def _has_simulator(state: StackState) -> bool:
    return state.environment.get("ENABLE_METRICS_SIMULATOR") == "true"


def _print_framed(title: str, text: str) -> None:
    console.rule(f"[bold red]{title}")
    console.print(text, markup=False)
    console.rule()


def _print_moved_ports(config: StackConfig) -> None:
    for before, after in zip(StackConfig.from_environment().ports, config.ports, strict=True):
        if before.port != after.port:
            console.print(f"port {before.port} is in use, {after.variable} is {after.port}")


def _print_addresses(state: StackState, headline: str, *, has_dashboard: bool) -> None:
    variables = state.environment
    kafka = " ".join(part for part in (state.broker, state.broker_version) if part)
    console.print(f"[bold green]{headline}[/]")
    if has_dashboard:
        # in the fragment, which no browser sends to a server
        page = f"{state.address('BURNLINE_PORT')}/#token={variables['BURNLINE_API_TOKEN']}"
        console.print(f"  dashboard {page}")
    console.print(f"  REST      {state.address('BURNLINE_PORT')}")
    console.print(f"  docs      {state.address('BURNLINE_PORT')}/docs")
    console.print(f"  ingest    {state.address('BURNLINE_INGEST_PORT')}/v1/events")
    console.print(f"  broker    {kafka}, {variables['KAFKA_BOOTSTRAP_SERVERS']}")
    console.print(f"  key       {data_dir().key}, in your name")
    console.print("  more      burnline env, status, logs -f, down")
