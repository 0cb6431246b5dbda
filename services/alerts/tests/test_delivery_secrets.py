"""What only a channel's owner should know stays out of representations and errors."""

import pytest

from alerts.delivery.outcome import Request
from tests.support.alerts.outgoing import channel

SLACK = "https://user%40x:pa:ss@hooks.slack.test/services/T0AAAAAA/B0BBBBBB/abcdefghijkl?token=t0k3n%2Fval"


@pytest.mark.parametrize(
    "text",
    [
        SLACK,
        f"cannot connect to {SLACK}",
        "no route for /services/T0AAAAAA/B0BBBBBB/abcdefghijkl",
        "abcdefghijkl is revoked",
        "bad token=t0k3n%2Fval",
        "bad token t0k3n/val",
        "wrong password pa:ss",
        "no user user@x",
        "no user user%40x",
    ],
)
def test_no_part_of_an_address_that_is_a_key_is_shown(text: str) -> None:
    shown = channel("slack", url=SLACK).redact(text)
    for secret in ("abcdefghijkl", "t0k3n", "pa:ss", "B0BBBBBB", "T0AAAAAA", "user@x", "user%40x"):
        assert secret not in shown
    assert "***" in shown


def test_words_that_are_no_keys_stay() -> None:
    text = "HTTP 404: no hooks here"
    assert channel(url="https://h.test/hooks/abcdefghijkl").redact(text) == text


def test_routing_keys_and_signing_secrets_are_not_shown() -> None:
    secrets = {"routing_key": "R" * 32, "signing_secret": "s3"}
    shown = channel("pagerduty", **secrets).redact(f"unknown key {'R' * 32}, secret s3")
    assert shown == "unknown key ***, secret ***"


def test_representations_hold_no_secret() -> None:
    request = Request("https://h.test/key", b"routing-key", {"X-Signature": "mac"})
    shown = repr([channel("slack", url=SLACK, signing_secret="s3cret"), request])
    for secret in ("abcdefghijkl", "s3cret", "h.test", "routing-key", "mac"):
        assert secret not in shown
