"""A page from the event to the receiver and back, through the whole stack."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from common.config.clock import rfc3339
from tests.support.alerts.receiver import Receiver, receiving
from tests.support.flow import create_service, get, send, wait_for
from tests.support.servers.stack import Stack

WHY = {"actor": "ines", "reason": "a test of the whole"}
RULE = "burn-rate-page"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def stack(new_stack: Callable[..., Stack]) -> Stack:
    return new_stack(ALERTS_ALLOWED_NETWORKS="127.0.0.0/8")


def write(stack: Stack, method: str, path: str, body: dict[str, Any]) -> Any:
    """Return the JSON of a write that succeeds."""
    with stack.client() as client:
        answer = client.request(method, path, json=body)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def report(stack: Stack, service: str, total: int, bad: int) -> None:
    """Report requests of this moment."""
    now = rfc3339(datetime.now(UTC))
    event = {"service": service, "source": "story", "timestamp": now, "total": total, "bad": bad}
    send(stack, [event])


def told(receiver: Receiver) -> Counter[tuple[str, str]]:
    """Return how often (service, transition) of the rule has arrived."""
    alerts = [alert for request in receiver.received for alert in request.json()["alerts"]]
    return Counter(
        (a["labels"]["service"], a["annotations"]["transition"])
        for a in alerts
        if a["labels"]["alertname"] == RULE
    )


def alert_of(stack: Stack, service: str, **wanted: Any) -> dict[str, Any]:
    """Wait until the service's newest page is as wanted; return it."""

    def holds(alerts: list[dict[str, Any]]) -> bool:
        pages = [a for a in alerts if a["rule"] == RULE]
        return bool(pages) and all(pages[0][name] == value for name, value in wanted.items())

    alerts = wait_for(stack, f"/api/alerts/{service}", holds)
    found: dict[str, Any] = next(a for a in alerts if a["rule"] == RULE)
    return found


def delivered(stack: Stack, alert_id: int, transitions: list[str]) -> None:
    """Wait until these transitions of an alert are delivered, and no other."""

    def holds(history: dict[str, Any]) -> bool:
        told = history["notifications"]
        shown = [n["alerts"][0]["transition"] for n in reversed(told) if n["state"] == "sent"]
        return shown == transitions

    wait_for(stack, f"/api/alerts/{alert_id}/history", holds)


def test_a_page_is_told_taken_on_survives_a_crash_and_ends(
    stack: Stack, receiver: Receiver
) -> None:
    create_service(stack, "checkout", tier=1)
    hook = {"actor": "ines", "name": "hook", "kind": "webhook"}
    made = write(stack, "POST", "/api/channels", {**hook, "secrets": {"url": receiver.url}})
    tried = write(stack, "POST", f"/api/channels/{made['id']}/test", {"actor": "ines"})
    assert (tried["state"], tried["last_error"]) == ("sent", None)
    changes = {"channels": ["hook"], "resolve_for_seconds": 0}
    write(stack, "PATCH", f"/api/rules/{RULE}", {**WHY, "changes": changes})

    report(stack, "checkout", 1000, 500)
    fired = alert_of(stack, "checkout", state="firing", severity="page")
    delivered(stack, fired["id"], ["firing"])
    assert told(receiver) == {("checkout", "firing"): 1}
    # to this stack's own address, whatever stands at the usual one
    links = {alert["generatorURL"] for r in receiver.received for alert in r.json()["alerts"]}
    assert f"{stack.api_url}/services/checkout" in links
    assert all(link.startswith(f"{stack.api_url}/") for link in links), links
    assert fired["slo"] == "default"
    assert {fired[name]["risk_level"] for name in ("figures_at_firing", "figures_now")} == {
        "FREEZE"
    }

    taken = write(stack, "PATCH", f"/api/alerts/{fired['id']}/acknowledge", {"actor": "ines"})
    assert (taken["state"], taken["acknowledged_on_behalf_of"]) == ("acknowledged", "ines")
    alert_of(stack, "checkout", state="acknowledged", version=2)
    stack.restart("alerts")
    report(stack, "checkout", 1000, 500)

    report(stack, "checkout", 1_000_000, 0)
    alert_of(stack, "checkout", state="resolved", acknowledged_on_behalf_of="ines")
    delivered(stack, fired["id"], ["firing", "resolved"])
    assert told(receiver) == {("checkout", "firing"): 1, ("checkout", "resolved"): 1}
    history = get(stack, f"/api/alerts/{fired['id']}/history")
    kinds = [(line["kind"], line["on_behalf_of"]) for line in history["transitions"]]
    assert kinds == [
        ("firing", None),
        ("notified", None),
        ("acknowledged", "ines"),
        ("resolved", None),
    ]
    audited = get(stack, "/api/audit")
    assert {entry["action"] for entry in audited} >= {
        "channel.added",
        "channel.tested",
        "rule.changed",
        "alert.acknowledged",
    }


def test_a_silence_that_is_ended_lets_what_still_fires_be_told(
    stack: Stack, receiver: Receiver
) -> None:
    create_service(stack, "cart")
    silence = {
        "matchers": [{"name": "service", "value": "car?", "is_glob": True}],
        "duration_minutes": 60,
        "created_by": "ines",
        "comment": "planned work",
    }
    made = write(stack, "POST", "/api/silences", silence)
    assert (made["matching_services"], made["warning"]) == (1, None)
    report(stack, "cart", 1000, 500)
    held = alert_of(stack, "cart", state="firing", held_by="silenced")
    assert (held["held_back"], held["notices"]) == (1, 0)
    assert ("cart", "firing") not in told(receiver)
    write(stack, "DELETE", f"/api/silences/{made['id']}", WHY)
    shown = alert_of(stack, "cart", state="firing", held_by=None)
    delivered(stack, shown["id"], ["firing"])
    assert told(receiver)["cart", "firing"] == 1
