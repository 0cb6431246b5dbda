"""Each kind of channel against a real HTTP receiver on loopback, and what must not happen."""

import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import structlog

from alerts.delivery.channel import Channel
from alerts.delivery.guard import AddressGuard
from alerts.delivery.outcome import DeliveryOutcome
from alerts.delivery.sender import HTTP_KINDS, Sender
from alerts.delivery.settings import DeliverySettings
from alerts.delivery.transport import Transport
from alerts.delivery.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from common.config.clock import system_clock
from tests.support.alerts.outgoing import alert, channel, notification, resolved
from tests.support.alerts.receiver import GARBAGE, HANG_UP, NEVER, Answer, Receiver, receiving

LOOPBACK = ip_network("127.0.0.0/8")
CERTIFICATE = Path(__file__).parent / "certificates" / "receiver.test.pem"
KEY = "0123456789abcdef0123456789abcdef"


@contextlib.asynccontextmanager
async def sending(
    guard: AddressGuard | None = None,
    ssl_context: ssl.SSLContext | None = None,
    **settings: Any,
) -> AsyncIterator[Sender]:
    transport = Transport(
        guard or AddressGuard([LOOPBACK]), settings.pop("timeout_seconds", 5.0), ssl_context
    )
    try:
        yield Sender(DeliverySettings(**settings), transport, system_clock)
    finally:
        await transport.close()


async def send(to: Channel, **settings: Any) -> DeliveryOutcome:
    async with sending(**settings) as sender:
        return await sender.send(to, notification())


def at(receiver: Receiver, kind: str = "webhook", path: str = "/in/abcdefgh") -> Channel:
    return channel(kind, url=receiver.url + path, routing_key=KEY, signing_secret="s3cret")


SUCCESS = {
    "webhook": Answer(204),
    "alertmanager": Answer(200),
    "pagerduty": Answer(202, body=b'{"status":"success"}'),
    "slack": Answer(200, body=b"ok"),
}
PATH = {"alertmanager": "/in/abcdefgh/api/v2/alerts"}


@pytest.mark.parametrize("kind", [*HTTP_KINDS])
async def test_a_notification_arrives(receiver: Receiver, kind: str) -> None:
    receiver.answers.append(SUCCESS[kind])
    outcome = await send(at(receiver, kind))
    assert outcome == DeliveryOutcome(delivered=True, status_code=SUCCESS[kind].status_code)
    (received,) = receiver.received
    assert received.path == PATH.get(kind, "/in/abcdefgh")
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["content-type"] == "application/json"
    assert "checkout" in received.body.decode()


async def test_the_signature_that_arrives_fits_the_body_that_arrives(receiver: Receiver) -> None:
    await send(at(receiver))
    (received,) = receiver.received
    timestamp = received.headers[TIMESTAMP_HEADER.lower()]
    assert abs(time.time() - int(timestamp)) < 10
    expected = signature("s3cret", timestamp, received.body)
    assert received.headers[SIGNATURE_HEADER.lower()] == expected
    assert signature("other", timestamp, received.body) != expected
    assert signature("s3cret", timestamp, received.body + b" ") != expected
    assert signature("s3cret", str(int(timestamp) + 1), received.body) != expected


@pytest.mark.parametrize("kind", [*HTTP_KINDS])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, body=b"oh no"),
        Answer(503, headers={"Retry-After": "2"}),
        Answer(429, headers={"Retry-After": "2"}),
        Answer(302, headers={"Location": "/elsewhere"}),
        GARBAGE,
        HANG_UP,
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off"),
    ],
    ids=["500", "503", "429", "302", "garbage", "hang-up", "cut-off"],
)
async def test_what_is_no_success_is_tried_again(
    receiver: Receiver, kind: str, answer: Answer
) -> None:
    receiver.answers.append(answer)
    outcome = await send(at(receiver, kind))
    assert (outcome.delivered, outcome.final) == (False, False)
    assert outcome.error
    asks = "Retry-After" in answer.headers
    assert outcome.retry_after_seconds == (2.0 if asks else None)
    assert len(receiver.received) == 1, "a redirection was followed, or a request repeated"


async def test_a_receiver_that_never_answers_costs_the_time_limit(receiver: Receiver) -> None:
    receiver.answers.append(NEVER)
    outcome = await send(at(receiver), timeout_seconds=0.3)
    assert outcome.error == "no answer within 0.3 s"


async def test_a_receiver_that_drips_costs_no_more(receiver: Receiver) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10
    receiver.answers.append(Answer(raw=endless))
    receiver.decide = lambda _: NEVER
    outcome = await send(at(receiver), timeout_seconds=0.3)
    assert not outcome.delivered


async def test_a_long_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answers.append(Answer(500, body=b"x" * 5_000_000))
    outcome = await send(at(receiver))
    assert outcome.status_code == 500
    assert len(outcome.error or "") < 600


async def test_time_that_a_name_takes_counts_too() -> None:
    async def resolve(*_: object) -> Sequence[str]:
        await asyncio.sleep(60)
        raise AssertionError

    guard = AddressGuard([LOOPBACK], resolve)
    outcome = await send(channel(url="http://slow.test/x"), guard=guard, timeout_seconds=0.2)
    assert outcome.error == "no answer within 0.2 s"


async def test_nobody_at_home() -> None:
    with receiving() as gone:
        target = at(gone)
    outcome = await send(target)
    assert (outcome.delivered, outcome.final) == (False, False)
    assert "ConnectError" in (outcome.error or "")


async def test_loopback_is_refused_unless_it_is_allowed(receiver: Receiver) -> None:
    for host in ("127.0.0.1", "localhost", "2130706433"):
        refused = channel(url=f"http://{host}:{receiver.port}/abcdefgh")
        outcome = await send(refused, guard=AddressGuard())
        assert "loopback" in (outcome.error or "")
    assert receiver.connections == 0


async def test_a_name_that_changes_its_answer_gains_nothing(receiver: Receiver) -> None:
    """The first answer is allowed, any further one is not; nobody listens at the first."""
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    guard = AddressGuard([ip_network("127.0.0.2")], rebinding)
    target = channel(url=f"http://rebinding.test:{receiver.port}/abcdefgh")
    async with sending(guard, timeout_seconds=0.5) as sender:
        first = await sender.send(target, notification())
        second = await sender.send(target, notification())
    assert not first.delivered
    assert "loopback" in (second.error or "")
    assert receiver.connections == 0
    assert asked == ["rebinding.test"] * 2, "one resolution for each connection, no more"


async def test_settings_of_the_environment_do_not_lead_elsewhere(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url)
        assert (await send(at(receiver))).delivered
        assert proxy.connections == 0


async def test_a_connection_is_used_again(receiver: Receiver) -> None:
    async with sending() as sender:
        for number in range(5):
            assert (await sender.send(at(receiver), notification(alert(number)))).delivered
    assert (len(receiver.received), receiver.connections) == (5, 1)


async def test_credentials_of_the_address_are_a_header(receiver: Receiver) -> None:
    url = receiver.url.replace("//", "//us%40er:pa%3Ass@")
    assert (await send(channel("alertmanager", url=url))).delivered
    (received,) = receiver.received
    assert received.headers["authorization"] == "Basic dXNAZXI6cGE6c3M="
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"


def names_are(*addresses: str) -> AddressGuard:
    async def resolve(*_: object) -> Sequence[str]:
        return addresses

    return AddressGuard([LOOPBACK], resolve)


@pytest.mark.parametrize(
    ("host", "delivered"), [("receiver.test", True), ("other.test", False), ("127.0.0.1", False)]
)
async def test_tls_is_verified_for_the_name_not_for_the_address(
    host: str, *, delivered: bool
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    with receiving(server) as receiver:
        target = channel(url=f"https://{host}:{receiver.port}/abcdefgh")
        outcome = await send(target, guard=names_are("127.0.0.1"), ssl_context=trusting)
        assert outcome.delivered is delivered, outcome.error
        assert len(receiver.received) == int(delivered)


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    with receiving(server) as receiver:
        target = channel(url=f"https://receiver.test:{receiver.port}/abcdefgh")
        outcome = await send(target, guard=names_are("127.0.0.1"))
    assert "certificate" in (outcome.error or "").lower()


async def test_the_next_address_of_a_name_is_tried(receiver: Receiver) -> None:
    """Nobody listens at the first one."""
    guard = names_are("127.0.0.2", "127.0.0.1")
    assert (await send(channel(url=f"http://two.test:{receiver.port}/x"), guard=guard)).delivered


async def test_a_receiver_that_repeats_the_secret_does_not_get_it_stored(
    receiver: Receiver,
) -> None:
    receiver.answers.append(Answer(404, body=b"no such hook: /in/abcdefgh, secret s3cret"))
    outcome = await send(at(receiver))
    assert outcome.error == "HTTP 404: no such hook: /in/***, secret ***"


@pytest.mark.parametrize("url", ["http://[::1", "http://h.test:99999/abcdefgh", "http://\udcff/"])
async def test_an_address_that_cannot_be_used_is_an_outcome(url: str) -> None:
    outcome = await send(channel(url=url))
    assert not outcome.delivered
    assert "abcdefgh" not in (outcome.error or "")


async def test_the_simulated_channel_logs_what_it_would_have_sent() -> None:
    with structlog.testing.capture_logs() as logs:
        async with sending() as sender:
            outcome = await sender.send(
                channel("simulated", "simulated"), notification(alert(1), resolved(2))
            )
    assert outcome.delivered
    (line,) = [entry for entry in logs if entry["event"] == "simulated_notification"]
    assert line["title"] == "[FIRING] (2) checkout"
    assert len(line["alerts"]) == 2


def apprise_channel(receiver: Receiver) -> Channel:
    return channel("apprise", url=receiver.url.replace("http://", "json://") + "/abcdefgh")


# apprise imports it for Python 3.13's sake
loading_apprise = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@loading_apprise
async def test_apprise_delivers_where_its_scheme_is_allowed(receiver: Receiver) -> None:
    outcome = await send(apprise_channel(receiver), apprise_schemes=("json",))
    assert outcome.delivered, outcome.error
    (received,) = receiver.received
    assert json.loads(received.body)["title"] == "[FIRING] checkout"


@loading_apprise
async def test_apprise_reports_a_failure(receiver: Receiver) -> None:
    receiver.answers.append(Answer(500))
    outcome = await send(apprise_channel(receiver), apprise_schemes=("json",))
    assert outcome.error == "apprise could not deliver; it does not say why"


async def test_apprise_is_held_to_the_schemes_that_the_operator_named(receiver: Receiver) -> None:
    for schemes in ((), ("discord", "mailto")):
        outcome = await send(apprise_channel(receiver), apprise_schemes=schemes)
        assert "ALERTS_APPRISE_SCHEMES" in (outcome.error or "")
    assert receiver.connections == 0


async def test_without_apprise_the_outcome_says_what_to_install(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    outcome = await send(apprise_channel(receiver), apprise_schemes=("json",))
    assert "extra `notify`" in (outcome.error or "")
