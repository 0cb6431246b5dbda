"""What was answered from when until when, where several things end an answer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from api_gateway.catalog.domain import Service
from api_gateway.policy.domain import Override
from api_gateway.release.domain import ProposedChange
from api_gateway.release.timeline import Asked, PastDecision, answered
from common.events import Decision, GateDecision
from tests.support.burn_events import NOW
from tests.support.gateway.decisions import decided, verdict

SERVICE = Service(
    revision=1,
    id=1,
    name="checkout",
    tier=1,
    owner="payments",
    description=None,
    retired=False,
    created_at=NOW - timedelta(days=1),
    updated_at=NOW,
)


def at(second: float) -> datetime:
    return NOW + timedelta(seconds=second)


def decision(second: float, plain: Decision = "BLOCK", *, named: int | None = None) -> GateDecision:
    over = () if named is None else (verdict("ALLOW", override_id=named),)
    made = decided("checkout", plain, *over, decision_id=f"at {second:05}", decided_at=at(second))
    return replace(made, evaluated_at=at(second), expires_at=at(second + 30))


def override(**fields: Any) -> Override:
    given: dict[str, Any] = {
        "id": 1,
        "service_name": "checkout",
        "decision": "ALLOW",
        "actor": "key/ana",
        "reason": "hotfix for the payment outage",
        "ticket": None,
        "version": None,
        "change_class": None,
        "created_at": at(0),
        "expires_at": at(600),
        "max_uses": None,
        "uses": 0,
        "last_used_at": None,
        "approver": None,
        "approved_on_behalf_of": None,
        "state": "active",
        "ended_by": None,
        "ended_on_behalf_of": None,
        "ended_at": None,
        "end_reason": None,
        "idempotency_key": None,
        "credential": "key/1",
        "revision": 1,
    }
    return Override(**{**given, **fields})


def course(
    *past: PastDecision,
    overrides: Mapping[int, Override] | None = None,
    known_until: float | None = None,
) -> list[tuple[float, float | None, str, bool]]:
    """Return the answers, oldest first: since, until, decision, overridden."""
    known = None if known_until is None else at(known_until)
    asked = Asked(SERVICE, ProposedChange(), at(1000), known)
    found = [*answered(past[::-1], overrides or {}, asked)][::-1]
    return [
        (
            (one.since - NOW).total_seconds(),
            None if one.until is None else (one.until - NOW).total_seconds(),
            one.release.decision,
            one.override is not None,
        )
        for one in found
    ]


def test_an_override_ends_by_its_last_use_its_time_or_a_person_whichever_is_first() -> None:
    past = (
        PastDecision(decision(0)),
        PastDecision(decision(10, named=1)),
        PastDecision(decision(90)),
    )
    used = {"max_uses": 1, "uses": 1, "last_used_at": at(20)}
    for fields, end in (
        (used, 20),
        ({"expires_at": at(30)}, 30),
        ({"state": "revoked", "ended_at": at(40)}, 40),
        ({**used, "state": "revoked", "ended_at": at(40)}, 20),
        ({**used, "max_uses": 2}, 90),
    ):
        found = course(*past, overrides={1: override(**fields)})
        expected = [(0, 10, "BLOCK", False), (10, end, "ALLOW", True)]
        if end < 90:
            expected.append((end, 90, "BLOCK", False))
        assert found == [*expected, (90, None, "BLOCK", False)]


def test_an_end_that_is_still_ahead_ends_nothing() -> None:
    past = PastDecision(decision(0, named=1))
    lasting = {1: override(expires_at=at(1001))}
    assert course(past, overrides=lasting) == [(0, None, "ALLOW", True)]
    assert course(past, overrides={}) == [(0, None, "BLOCK", False)], "without its row"


def test_a_gate_that_was_silent_is_unknown_until_it_is_heard_again() -> None:
    past = (PastDecision(decision(0, "ALLOW")), PastDecision(decision(100, "ALLOW"), at(30)))
    found = course(*past, known_until=500)
    assert found == [
        (0, 30, "ALLOW", False),
        (30, 100, "UNKNOWN", False),
        (100, 500, "ALLOW", False),
        (500, None, "UNKNOWN", False),
    ]


def test_a_block_and_what_a_person_decided_outlast_the_silence() -> None:
    past = (PastDecision(decision(0, named=1)), PastDecision(decision(100), at(30)))
    found = course(*past, overrides={1: override(expires_at=at(60))})
    assert [(since, said, by) for since, _, said, by in found] == [
        (0, "ALLOW", True),
        (30, "ALLOW", True),  # from here on it says too that nobody has confirmed it
        (60, "BLOCK", False),
        (100, "BLOCK", False),
    ]


def test_what_was_stored_while_nobody_could_learn_of_it_ended_no_silence() -> None:
    past = (
        PastDecision(decision(0, "ALLOW")),
        PastDecision(decision(50, "WARN")),
        PastDecision(decision(100, "WARN"), at(30)),
    )
    assert course(*past) == [
        (0, 30, "ALLOW", False),
        (30, 50, "UNKNOWN", False),
        (50, 100, "UNKNOWN", False),
        (100, None, "WARN", False),
    ]
