"""Work that many ask for at once is done once, and anew for who asks later."""

import asyncio

from common.runtime.single_flight import SingleFlight


async def test_all_who_ask_meanwhile_share_one_result_and_one_error() -> None:
    done, may_end = 0, asyncio.Event()

    async def work() -> int:
        nonlocal done
        done += 1
        number = done
        await may_end.wait()
        if number == 2:
            raise ConnectionRefusedError
        return number

    flight = SingleFlight(work)
    asked = [asyncio.create_task(flight.result()) for _ in range(100)]
    await asyncio.sleep(0)
    asked.pop().cancel()  # who goes away takes nothing from the others
    await asyncio.sleep(0)
    may_end.set()
    assert set(await asyncio.gather(*asked)) == {1}
    failed = await asyncio.gather(flight.result(), flight.result(), return_exceptions=True)
    assert [type(error) for error in failed] == [ConnectionRefusedError] * 2
    assert await flight.result() == done == 3
