"""Answers of receivers, and when a failed delivery is tried again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.delivery.outcome import (
    LONGEST_RETRY_AFTER_SECONDS,
    DeliveryOutcome,
    Response,
    RetryPolicy,
    failed,
    outcome_of,
)
from alerts.delivery.pagerduty import pagerduty_accepts
from alerts.delivery.slack import slack_accepts

NOW = datetime(2026, 11, 23, 6, 40, tzinfo=UTC)


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_a_success_is_delivered(code: int) -> None:
    assert outcome_of(Response(code, body=b"anything"), NOW) == DeliveryOutcome(
        delivered=True, status_code=code
    )


@pytest.mark.parametrize(
    ("code", "final"),
    [
        (101, False),
        (301, False),
        (302, False),
        (401, False),
        (404, False),
        (408, False),
        (429, False),
        (500, False),
        (503, False),
        (400, True),
        (413, True),
        (422, True),
    ],
)
def test_anything_else_has_failed(code: int, *, final: bool) -> None:
    outcome = outcome_of(Response(code, body=b"no\n\x00way"), NOW)
    assert (outcome.delivered, outcome.status_code, outcome.final) == (False, code, final)
    assert outcome.error == f"HTTP {code}: no way"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("999999999999", LONGEST_RETRY_AFTER_SECONDS),
        ("Mon, 23 Nov 2026 06:42:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 06:42:00 -0000", 120.0),
        ("Mon, 23 Nov 2026 06:39:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 06:40:00 GMT", LONGEST_RETRY_AFTER_SECONDS),
        ("-3", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    answer = Response(429, {"retry-after": value})
    assert outcome_of(answer, NOW).retry_after_seconds == seconds


def test_what_is_shown_of_an_answer_is_short() -> None:
    assert len(outcome_of(Response(500, body=b"x" * 10_000), NOW).error or "") < 250


@pytest.mark.parametrize(
    ("code", "body", "delivered"),
    [
        (202, b'{"status":"success","message":"Event processed","dedup_key":"k"}', True),
        (202, b'{"status":"invalid event"}', False),
        (200, b"<html>Please log in</html>", False),
        (202, b"\xff", False),
        (202, b"[]", False),
        (500, b"{}", False),
    ],
)
def test_pagerduty_must_say_success(code: int, body: bytes, *, delivered: bool) -> None:
    response = Response(code, body=body)
    outcome = outcome_of(response, NOW, pagerduty_accepts)
    assert outcome.delivered is delivered
    assert outcome.status_code == code


@pytest.mark.parametrize(
    ("code", "body", "delivered"),
    [(200, b"ok", True), (200, b"<html>", False), (200, b"", False), (403, b"ok", False)],
)
def test_slack_must_say_ok(code: int, body: bytes, *, delivered: bool) -> None:
    response = Response(code, body=body)
    assert outcome_of(response, NOW, slack_accepts).delivered is delivered


POLICY = RetryPolicy(first_seconds=1, longest_seconds=300, max_attempts=20, max_age_seconds=3600)


@given(attempts=st.integers(1, 10_000), draw=st.floats(0, 1, exclude_max=True))
def test_pauses_double_up_to_the_longest_and_are_spread_over_half(
    attempts: int, draw: float
) -> None:
    whole = min(300.0, 2.0 ** min(attempts - 1, 60))
    pause = POLICY.delay_seconds(failed("x"), attempts, draw)
    assert whole / 2 <= pause <= whole
    assert POLICY.delay_seconds(failed("x"), attempts, 0.0) <= pause


def test_the_receiver_may_ask_for_a_longer_pause_not_for_a_shorter_one() -> None:
    def asked(seconds: float) -> DeliveryOutcome:
        return DeliveryOutcome(delivered=False, retry_after_seconds=seconds)

    assert POLICY.delay_seconds(asked(30), 1, 0.5) == 30
    assert POLICY.delay_seconds(asked(30), 9, 0.0) == 128


@pytest.mark.parametrize(
    ("outcome", "attempts", "age_seconds", "gives_up"),
    [
        (failed("x"), 19, 3599, False),
        (failed("x"), 20, 0, True),
        (failed("x"), 1, 3600, True),
        (DeliveryOutcome(delivered=False, final=True), 1, 0, True),
    ],
)
def test_trying_is_bounded(
    outcome: DeliveryOutcome, attempts: int, age_seconds: float, *, gives_up: bool
) -> None:
    assert POLICY.gives_up(outcome, attempts, age_seconds) is gives_up
