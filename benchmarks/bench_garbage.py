"""How long honest senders wait for their 202 beside three who send megabytes of garbage.

The whole stack runs as `make up` starts it, without the simulator. Honest senders send 200 events a
second, ten to a request, first alone and then beside the three, who are a process of their own and
send the next body once the last one is answered.
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import httpx
from real_run import on_a_stack, options

from tests.siege.attacks import Attack, send_garbage
from tests.siege.honest import HonestSenders
from tests.siege.siege import new_key, processor_seconds
from tests.support.servers.stack import Stack

MARK = 3.0


async def run(stack: Stack, seconds: int) -> None:
    """Send honestly alone, then beside garbage; print both."""
    _, honest_key = new_key(stack, "honest")
    _, hostile_key = new_key(stack, "garbage")
    own = {"Authorization": f"Bearer {honest_key}"}
    given = Attack(stack.ingest_url, stack.api_url, {"garbage": hostile_key}, seconds, 1)
    async with (
        httpx.AsyncClient(base_url=stack.ingest_url, headers=own, trust_env=False) as ingest,
        httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as gateway,
    ):
        honest, found = HonestSenders(ingest, gateway), []
        await honest.run(5)  # until ingest knows the keys, and the services are there
        for is_beside in (False, True):
            honest.seconds.clear()
            before = processor_seconds(stack)["ingest"]
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                loop, sending = asyncio.get_running_loop(), honest.run(seconds)
                beside = loop.run_in_executor(pool, send_garbage, given) if is_beside else None
                await sending
                bodies = await beside if beside else 0
            used = processor_seconds(stack)["ingest"] - before
            found.append(honest.percentile(99))
            print(
                f"{bodies} bodies of garbage: p50 {honest.percentile(50):.3f} s, "
                f"p99 {found[-1]:.3f} s, ingest used {used / seconds:.0%} of a processor"
            )
    print(f"p99 beside garbage: {found[1] / found[0]:.1f} times that without (mark: {MARK:g})")


def main() -> None:
    """Run the stack, send, end it."""
    chosen = options(__doc__, seconds=30)
    on_a_stack(lambda stack: run(stack, chosen.seconds))


if __name__ == "__main__":
    main()
