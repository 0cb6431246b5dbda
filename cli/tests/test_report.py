"""The report, from a gateway's own answers: what was missed, what spent the budget."""

import asyncio
import html
import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
import typer

from burnline.client.addresses import gateway_address
from burnline.commands.report import length, report, report_of
from burnline.errors import StackError
from burnline.report.figures import Period, Row, blocked, instant
from common.config.clock import MICROSECONDS, to_micros
from common.events import ChangeEvent, Decision
from tests.support.burn_events import NOW, for_target, heartbeat, snapshot
from tests.support.gateway.decisions import decided
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import (
    alert,
    store_alert,
    store_change,
    store_counts,
    store_decision,
    store_latency,
)

POISON = "a | <img src=x onerror=alert(1)> [x](https://evil.example) `b`"
SECONDS = to_micros(NOW) // MICROSECONDS
MINUTE = SECONDS // 60 * 60
WEEK = Period.before(NOW, timedelta(days=7))
HOUR = timedelta(hours=1)
HALF_MINUTE = 1 / 120  # in hours: the period begins at a full hour


@pytest_asyncio.fixture(loop_scope="session")
async def fleet(gateway: GatewayHarness) -> GatewayHarness:
    """Checkout had an outage of ten minutes after a deploy; cart had nothing but good requests."""
    await gateway.service("checkout")
    await gateway.service("cart")
    target = await gateway.target(name=POISON, objective=0.999)
    outage = range(60, 70)
    for name, failing in (("checkout", outage), ("cart", ())):
        rows = [(MINUTE - 60 * ago, 1000, 100 if ago in failing else 0, 10) for ago in range(300)]
        await store_counts(gateway.database, name, rows)
    await gateway.feed(snapshot("checkout", for_target(target)), snapshot("cart"))
    await gateway.feed(*[heartbeat(shard) for shard in range(4)])
    began, ended = NOW - timedelta(minutes=71), NOW - timedelta(minutes=59)
    over = alert(1, started_at=began, resolved_at=ended, state="resolved", acknowledged_by=POISON)
    await store_alert(gateway.database, over)
    deploy = ChangeEvent("checkout", began - timedelta(minutes=4), "deploy", "1.42.0<b>")
    await store_change(gateway.database, 1, deploy)
    remark = ChangeEvent("checkout", began - timedelta(minutes=2), "note", note=f"sale {POISON}")
    await store_change(gateway.database, 2, remark)
    decisions: tuple[tuple[str, datetime, Decision], ...] = (
        ("A", NOW - 3 * HOUR, "ALLOW"),
        ("B", began, "BLOCK"),
        ("C", ended, "WARN"),
    )
    for name, at, kind in decisions:
        made = decided("checkout", kind, decision_id=name, decided_at=at)
        await store_decision(gateway.database, made)
    body = {"actor": POISON, "reason": f"customers wait for it {POISON}", "decision": "ALLOW"}
    response = await gateway.write("POST", "/api/release/checkout/override", body)
    assert response.status_code in {201, 202}
    return gateway


async def test_markdown_tells_what_happened(fleet: GatewayHarness) -> None:
    text = await report_of(fleet.client, WEEK, "md")
    assert text.index("## checkout") < text.index("## cart")
    checkout, cart = text.split("## cart")
    assert "| missed | 300,000 | 1,000 | 334% |" in checkout
    assert "| met | 300,000 | 0 | 0% |" in cart
    assert "page burn-rate-page from 2026-03-02 10:49 UTC to 2026-03-02 11:01 UTC" in checkout
    assert "1,000 failed, 100% of the period's" in checkout
    assert "before it came deploy 1.42.0\\<b\\> at 2026-03-02 10:45 UTC" in checkout
    assert "blocked 1 time, for 12 minutes altogether" in checkout
    assert "overrode the gate to ALLOW" in checkout
    assert "- 1 change took effect." in checkout
    assert "- Note of 2026-03-02 10:47 UTC: sale a" in checkout
    assert "blocked" not in cart


async def test_what_may_be_slow_or_fast_is_a_range(fleet: GatewayHarness) -> None:
    """900 were fast, 60 slow, 40 in between: more than 5 % or not, that cannot be told."""
    target = await fleet.target(
        "cart", name="fast", sli_type="latency", objective=0.91, threshold_seconds=0.5
    )
    await store_latency(fleet.database, "cart", (0.25, 1.0), [900, 40, 60], MINUTE - 600)
    left = {"error_budget_remaining": -1 / 9, "error_budget_remaining_most": 1 / 3}
    await fleet.feed(snapshot("cart", for_target(target, **left), epoch=2))
    text = await report_of(fleet.client, WEEK, "md")
    assert "| cannot be told | 1,000 | 60 to 100 | 67% to 112% | \\-12% to 33% |" in text
    page = await report_of(fleet.client, WEEK, "html")
    assert ">60 to 100<" in page


async def test_what_strangers_wrote_stays_text(fleet: GatewayHarness) -> None:
    markdown = await report_of(fleet.client, WEEK, "md")
    assert "<img" not in markdown.replace("\\<img", "")
    assert not re.search(r"(?<!\\)\[x", markdown)
    assert "https://" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
    page = await report_of(fleet.client, WEEK, "html")
    assert "<img" not in page
    assert html.escape(POISON) in page
    assert page.count("<h2>") == 2
    assert 'class="missed"' in page


async def test_the_hour_that_is_running_is_counted_by_the_minute(fleet: GatewayHarness) -> None:
    fleet.now[0] = NOW + timedelta(minutes=25)
    rows = [(MINUTE + 60 * n, 500, 5, 10) for n in range(1, 26)]
    await store_counts(fleet.database, "checkout", rows)
    text = await report_of(fleet.client, Period.before(fleet.now[0], timedelta(days=7)), "md")
    assert "| missed | 312,500 | 1,125 |" in text


async def test_the_same_figures_give_the_same_report(fleet: GatewayHarness) -> None:
    assert await report_of(fleet.client, WEEK, "md") == await report_of(fleet.client, WEEK, "md")


async def test_a_report_sends_the_key_that_reads_may_need(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: 2\r\nconnection: close\r\n\r\n[]")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(gateway, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("BURNLINE_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("BURNLINE_API_TOKEN", "correct-horse")
        await asyncio.to_thread(report, since="1d", output="md", to=None)
    assert "No services are in use." in capsys.readouterr().out
    assert seen
    assert all("authorization: bearer correct-horse" in request.lower() for request in seen)


async def test_without_services_it_says_so(gateway: GatewayHarness) -> None:
    for output in ("md", "html"):
        text = await report_of(gateway.client, WEEK, output)
        assert "No services are in use." in text


async def test_a_gateway_that_fails_is_named(gateway: GatewayHarness) -> None:
    gateway.database.failure = OSError("no database")
    with pytest.raises(StackError, match=r"/api/services.*503"):
        await report_of(gateway.client, WEEK, "md")
    async with httpx.AsyncClient(base_url="http://127.0.0.1:1", trust_env=False) as nobody:
        with pytest.raises(StackError, match="does not answer"):
            await report_of(nobody, WEEK, "md")


def answers(*begun: tuple[float, bool]) -> list[Row]:
    """Return answers that began so many hours ago, each until the next one, newest first."""
    found: list[Row] = []
    for hours, allowed in begun:
        since = (NOW - timedelta(hours=hours)).isoformat()
        if found:
            found[0]["until"] = since
        one = {"since": since, "until": None, "allowed": allowed, "overridden": False}
        found.insert(0, one)
    return found


@pytest.mark.parametrize(
    ("begun", "times", "hours"),
    [
        ([], 0, 0),
        ([(400, False)], 1, 168 + HALF_MINUTE),
        ([(400, False), (300, True)], 0, 0),
        ([(200, False), (160, False)], 1, 168 + HALF_MINUTE),
        ([(4, False), (1, True)], 1, 3),
        ([(9, False), (8, True), (2, False)], 2, 3),
    ],
)
def test_blocks_are_counted_from_answer_to_answer(
    begun: list[tuple[float, bool]], times: int, hours: float
) -> None:
    found = blocked(answers(*begun), [], WEEK)
    assert found.times == times
    assert found.length.total_seconds() == pytest.approx(hours * 3600)


def test_what_a_person_let_through_was_not_blocked() -> None:
    block, allow, again = answers((3, False), (2, True), (1, False))[::-1]
    found = blocked([again, allow | {"overridden": True}, block], [], WEEK)
    assert (found.times, found.length, found.overridden) == (2, 2 * HOUR, HOUR)


@pytest.mark.parametrize(
    "text", ["", "7", "d", "0d", "91d", "-1d", "7w", "\u0667d", "9" * 5000 + "d"]
)
def test_a_wrong_span_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="7d"):
        length(text)


def test_spans_are_read() -> None:
    assert [length(text) for text in ("24h", "7d", "90d")] == [
        timedelta(hours=24),
        timedelta(days=7),
        timedelta(days=90),
    ]


def test_the_gateway_is_the_environments(tmp_path: Any) -> None:
    assert gateway_address({"BURNLINE_URL": "http://10.0.0.1"}).base_url == "http://10.0.0.1"
    with pytest.raises(StackError, match="BURNLINE_URL"):
        gateway_address({"BURNLINE_DATA_DIR": str(tmp_path)})
    assert instant("2026-03-02T12:00:30Z") == NOW
