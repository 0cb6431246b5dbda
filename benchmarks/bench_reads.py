"""Hot reads: answers kept ready as bytes, against an empty GET and against PostgreSQL.

One gateway process on its own processor, wrk (apt-get install wrk) on the other with 16
connections that take gzip. In each round every operation has its turn in the same process; the
ratio is to the empty GET of the same round. Meanwhile a tenth of the services change each second.
"""

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
from real_run import options

from api_gateway.paging import DEFAULT_LIMIT
from burnline.config import DataDir
from burnline.ports import LOOPBACK, Reservations, free_port
from burnline.postgres import PostgresNode
from burnline.postgres_home import forget_home, open_home
from tests.servers import migrate, running

SERVER = Path(__file__).with_name("read_server.py")
START_SECONDS = 60.0
MARK_EMPTY, MARK_POSTGRES = 0.95, 6.0
HOT = (
    "/api/summary",
    "/api/summary/heatmap",
    "/api/burn",
    "/api/release/service-0007",
)
FULL_LIST = "/api/burn?limit=1000"
SERVER_CPU, CLIENT_CPU = "0", "1"


def load(url: str, seconds: int, *, packed: bool = True) -> float:
    """Return requests per second; every answer must be a good one."""
    command = ["taskset", "-c", CLIENT_CPU, "wrk", "-t1", "-c16", f"-d{seconds}s", "--latency"]
    if packed:
        command += ["-H", "Accept-Encoding: gzip"]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, url], capture_output=True, text=True, check=True
    )
    told = done.stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"{url}: {told}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if found is None:
        raise RuntimeError(told)
    return float(found[1])


@contextmanager
def postgres() -> Iterator[PostgresNode]:
    """Run a PostgreSQL until the block ends."""
    with tempfile.TemporaryDirectory() as folder, closing(Reservations()) as reservations:
        data_dir = DataDir(Path(folder))
        data_dir.logs.mkdir(parents=True)
        node = PostgresNode(open_home(data_dir), LOOPBACK, reservations.take_any())
        with running(node.command(), data_dir.logs, {}):
            yield node
        forget_home(data_dir)


@contextmanager
def gateway(url: str, services: int) -> Iterator[str]:
    """Run the gateway on its own processor until the block ends; give its address."""
    port = free_port(LOOPBACK)
    command = ["taskset", "-c", SERVER_CPU, sys.executable, str(SERVER), url, str(services)]
    server = subprocess.Popen([*command, str(port)])  # noqa: S603 - our own command
    address = f"http://{LOOPBACK}:{port}"
    try:
        _wait(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(f"{address}/api/summary", trust_env=False, timeout=30).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("the gateway did not start")


def compare(address: str, services: int, seconds: int, rounds: int) -> None:
    """Print each operation's throughput beside the empty GET's, and beside PostgreSQL's."""
    hot = [*HOT, FULL_LIST] if services > DEFAULT_LIMIT else [*HOT]
    ratios: dict[str, list[float]] = {path: [] for path in hot}
    speeds: dict[str, list[float]] = {path: [] for path in ("/empty", *hot)}
    for _ in range(rounds):
        before = load(f"{address}/empty", seconds)
        found = {path: load(f"{address}{path}", seconds) for path in hot}
        empty = (before + load(f"{address}/empty", seconds)) / 2
        speeds["/empty"].append(empty)
        for path, speed in found.items():
            speeds[path].append(speed)
            ratios[path].append(speed / empty)
    print(f"{services} services; empty GET {statistics.median(speeds['/empty']):,.0f}/s")
    for path in hot:
        slow = [load(f"{address}/from-postgres{path}", seconds) for _ in range(2)]
        middle, speed = statistics.median(ratios[path]), statistics.median(speeds[path])
        low, high = min(ratios[path]), max(ratios[path])
        times = speed / statistics.median(slow)
        size = _sizes(f"{address}{path}")
        print(
            f"  {path:28} {speed:8,.0f}/s  {middle:.2f} of empty [{low:.2f}..{high:.2f}]  "
            f"{times:6.1f} times PostgreSQL  {size}"
        )
    print(f"  marks: {MARK_EMPTY} of empty, {MARK_POSTGRES} times PostgreSQL")


def _sizes(url: str) -> str:
    plain = httpx.get(url, headers={"Accept-Encoding": "identity"}, trust_env=False)
    small = httpx.get(url, headers={"Accept-Encoding": "gzip"}, trust_env=False)
    length = int(small.headers["Content-Length"])
    return f"{len(plain.content) / 1000:.1f} kB, {length / 1000:.1f} kB packed"


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    given = options(__doc__, seconds=3, rounds=5)
    with postgres() as node:
        for count in (100, 1000):
            asyncio.run(node.ensure_database(f"reads_{count}"))
            migrate(node.url(f"reads_{count}"))
            with gateway(node.url(f"reads_{count}"), count) as base:
                compare(base, count, given.seconds, given.rounds)
