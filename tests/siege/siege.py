"""A hostile hour in fast time: `python -m tests.siege.siege --seconds S --seed N` (`make siege`).

All attacks at once beside honest senders, on a stack as `make up` starts it. Exit code 0: the
honest ones were answered within three times their usual time, nothing of theirs was lost or late,
memory was flat, and every refusal was counted under its cause and sender.
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

import httpx
import psutil
import typer
from prometheus_client.parser import text_string_to_metric_families

from tests.siege.attacks import ADDRESS, Attack, Outcome, attack
from tests.siege.honest import LATE_SECONDS, HonestSenders
from tests.siege.terminal import terminal_faults
from tests.support.servers.stack import Stack, own_stack

USUAL_SHARE: Final = 0.5
"""The time without attackers, as a share of that with them."""
SLOWER: Final = 3.0
LEAST_SECONDS: Final = 0.03
"""What is faster than this is taken for as fast as this: the machine's own noise is as large."""
MEMORY_GROWTH: Final = 1.25
MEMORY_SLACK_BYTES: Final = 64 * 1024 * 1024
PROCESSES: Final = ("ingest", "burnrate", "api-gateway")
ATTACKERS: Final = ("garbage", "names", "late", "texts")


def processes(stack: Stack) -> dict[str, psutil.Process]:
    """Return our processes by name."""
    identities = {name: stack.process(name).identity for name in PROCESSES}
    return {name: psutil.Process(one.pid) for name, one in identities.items() if one is not None}


def processor_seconds(stack: Stack) -> dict[str, float]:
    """Return how much processor time each of our processes has had."""
    return {name: sum(found.cpu_times()[:2]) for name, found in processes(stack).items()}


def samples(stack: Stack, base_url: str, name: str) -> dict[tuple[str, str], float]:
    """Return the values of a metric by code and sender."""
    with stack.client(base_url) as client:
        text = client.get("/metrics").text
    return {
        (sample.labels["code"], sample.labels.get("sender", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def new_key(stack: Stack, name: str) -> tuple[str, str]:
    """Make a key for ingest; return its id and its text."""
    with stack.client() as client:
        made = client.post("/api/keys", json={"name": name, "scopes": ["ingest"]}).json()
    return made["id"], made["key"]


class Siege:
    """The phases of a siege; `faults` are what did not hold, in words."""

    def __init__(self, stack: Stack, seconds: float, seed: int) -> None:
        self._stack, self._seconds, self._seed = stack, seconds, seed
        self.faults: list[str] = []

    async def run(self) -> None:
        """Send honestly alone, then among attackers, then look at what became of it."""
        stack, keys = self._stack, {who: new_key(self._stack, who) for who in ATTACKERS}
        _, honest_key = new_key(stack, "honest")
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=60)
        options: dict[str, Any] = {"trust_env": False, "timeout": 30, "limits": limits}
        own = {"Authorization": f"Bearer {honest_key}"}
        async with (
            httpx.AsyncClient(base_url=stack.ingest_url, headers=own, **options) as ingest,
            httpx.AsyncClient(base_url=stack.api_url, **options) as gateway,
        ):
            await self._until_keys_open(ingest)
            honest = HonestSenders(ingest, gateway)
            await honest.run(self._seconds * USUAL_SHARE)
            usual = {percent: honest.percentile(percent) for percent in (50, 99)}
            honest.seconds.clear()
            texts = {who: text for who, (_, text) in keys.items()}
            given = Attack(stack.ingest_url, stack.api_url, texts, self._seconds, self._seed)
            outcome = await self._among(honest, given)
            self._check_times(honest, usual)
            if not await honest.settled():
                self.faults.append(f"not all was shown {LATE_SECONDS:g} s after the end")
        self.faults += await terminal_faults(stack)
        typer.echo(f"answers: {dict(outcome.answers)}")
        self._check_refusals(outcome, {who: f"key/{key_id}" for who, (key_id, _) in keys.items()})

    async def _among(self, honest: HonestSenders, given: Attack) -> Outcome:
        """Send among attackers; memory is that of a third of the time on, and of its end."""
        loop, spawned = asyncio.get_running_loop(), get_context("spawn")
        started = processor_seconds(self._stack)
        async with asyncio.TaskGroup() as tasks:
            with ProcessPoolExecutor(1, spawned) as pool:
                attacking = loop.run_in_executor(pool, attack, given)
                tasks.create_task(honest.run(self._seconds))
                await asyncio.sleep(self._seconds / 3)
                before = await asyncio.to_thread(self._memory_bytes)
                outcome = await attacking
        after, used = self._memory_bytes(), processor_seconds(self._stack)
        spent = ", ".join(f"{name} {used[name] - started[name]:.1f}" for name in used)
        typer.echo(f"processor seconds of {self._seconds:g}: {spent}")
        for name, size in after.items():
            typer.echo(f"{name}: {before[name] >> 20} MiB, then {size >> 20} MiB")
            if size > MEMORY_GROWTH * before[name] + MEMORY_SLACK_BYTES:
                self.faults.append(f"{name} grew from {before[name]} to {size} bytes")
        return outcome

    def _memory_bytes(self) -> dict[str, int]:
        return {name: found.memory_info().rss for name, found in processes(self._stack).items()}

    def _check_times(self, honest: HonestSenders, usual: dict[int, float]) -> None:
        for percent, before in usual.items():
            found = honest.percentile(percent)
            typer.echo(f"p{percent} of honest 202s: {before:.3f} s, among attackers {found:.3f} s")
            if found > SLOWER * max(before, LEAST_SECONDS):
                self.faults.append(f"p{percent} rose from {before:.3f} to {found:.3f} s")
        typer.echo(f"the latest figure was {honest.latest_seconds:.1f} s old")
        if honest.latest_seconds > LATE_SECONDS:
            self.faults.append(f"a figure was {honest.latest_seconds:.1f} s late")
        if honest.refused:
            self.faults.append(f"{len(honest.refused)} honest requests failed: {honest.refused[0]}")

    def _check_refusals(self, outcome: Outcome, senders: dict[str, str]) -> None:
        name = "burnline_ingest_refused_events_total"
        counted = samples(self._stack, self._stack.ingest_url, name)
        for (who, code), events in outcome.refused.items():
            found = counted.get((code, senders[who]), 0.0)
            typer.echo(f"{who}: {events} events refused as {code}, counted {found:g}")
            if found < events:
                self.faults.append(f"of {events} of {who} refused as {code} {found:g} are counted")
        whole = samples(self._stack, self._stack.ingest_url, "burnline_http_refusals_total")
        for (who, code), requests in outcome.refused_requests.items():
            found = whole.get((code, senders[who]), 0.0)
            typer.echo(f"{who}: {requests} requests refused as {code}, counted {found:g}")
            if found < requests:
                self.faults.append(f"of {requests} requests of {who} as {code} {found:g} count")
        silent = {who for who, _ in senders.items()} - {who for who, _ in outcome.answers}
        self.faults += [f"no attack of {who} was answered" for who in sorted(silent)]
        for url in (self._stack.ingest_url, self._stack.api_url):
            refusals = samples(self._stack, url, "burnline_http_refusals_total")
            for code in ("unauthorized", "too_many_connections_of_address"):
                if not refusals.get((code, f"address/{ADDRESS}")):
                    self.faults.append(f"{url} has counted no {code} of {ADDRESS}")

    @staticmethod
    async def _until_keys_open(ingest: httpx.AsyncClient) -> None:
        """Wait until ingest has read the newest key."""
        async with asyncio.timeout(30):
            while True:
                answer = await ingest.post("/v1/events", json=[])
                if answer.status_code != httpx.codes.UNAUTHORIZED:
                    return
                await asyncio.sleep(0.1)


def main(seconds: float = 60, seed: int = 1) -> None:
    """Run a siege on a stack of its own; exit 0 where all held."""
    with own_stack() as stack:
        siege = Siege(stack, seconds, seed)
        asyncio.run(siege.run())
    for fault in siege.faults:
        typer.echo(f"did not hold: {fault}")
    raise typer.Exit(1 if siege.faults else 0)


if __name__ == "__main__":
    typer.run(main)
