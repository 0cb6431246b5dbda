"""What users do with alerts, rules, silences and channels over REST."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from api_gateway.alerts.repository import AlertStore
from api_gateway.projections.snapshots import ReadModel
from common.alerting.default_rules import default_rules
from common.events import AlertFigures, ChannelTestRequested, encode
from common.kafka.topics import COMMANDS, RULES
from common.slo.vocabulary import RiskLevel
from tests.support.burn_events import NOW, slo_status, snapshot
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.operation_cases import (
    HOOK,
    LEVELS,
    MATCHERS,
    RULE,
    SILENCE,
    STATEMENT,
    TAKE,
)
from tests.support.gateway.results import alert, store_alert, store_test

HOURS = {"severity": "page", "within_hours": 3}


@pytest_asyncio.fixture(loop_scope="session")
async def alerting(gateway: GatewayHarness) -> GatewayHarness:
    """Three alerts: one that fires, one that has ended, one that is held back."""
    await gateway.service("checkout")
    ended = {"state": "resolved", "resolved_at": NOW - timedelta(hours=2), "version": 2}
    held = {
        "rule": "burn-rate-ticket",
        "severity": "ticket",
        "held_by": "inhibited",
        "held_back": 1,
        "notices": 0,
    }
    for found in (alert(1), alert(2, service_name="cart", **ended), alert(3, **held)):
        await store_alert(gateway.database, found)
    return gateway


async def ids(gateway: GatewayHarness, path: str) -> list[int]:
    return [found["id"] for found in (await gateway.client.get(path)).json()]


async def test_alerts_are_listed_newest_first_by_what_is_asked(alerting: GatewayHarness) -> None:
    assert await ids(alerting, "/api/alerts") == [3, 2, 1]
    assert await ids(alerting, "/api/alerts?state=firing&severity=page") == [1]
    assert await ids(alerting, "/api/alerts?state=firing&state=resolved") == [3, 2, 1]
    assert await ids(alerting, "/api/alerts?service=cart") == [2]
    assert await ids(alerting, "/api/alerts/checkout") == [3, 1]
    an_hour_ago = (NOW - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert await ids(alerting, f"/api/alerts?since={an_hour_ago}") == [3, 1]


@pytest.mark.parametrize(
    ("states", "ids_in_order"),
    [("state=firing", [3, 1]), ("state=firing&state=resolved", [3, 2, 1])],
)
async def test_pages_follow_each_other_without_gap_or_repeat(
    alerting: GatewayHarness, states: str, ids_in_order: list[int]
) -> None:
    path, seen = f"/api/alerts?limit=1&{states}", []
    while path:
        response = await alerting.client.get(path)
        seen += [found["id"] for found in response.json()]
        link = response.headers.get("Link", "")
        path = link.partition(">")[0].removeprefix("<")
    assert seen == ids_in_order


async def test_an_open_alert_shows_its_figures_now_beside_those_at_its_firing(
    alerting: GatewayHarness,
) -> None:
    avail = slo_status(name="avail", composite_burn_rate=0.5, risk_level=RiskLevel.SAFE)
    at_firing = AlertFigures.of(snapshot("checkout", avail), "avail")
    ended = {"state": "resolved", "resolved_at": NOW}
    fast = {"slo": "fast", "figures_at_firing": at_firing}
    for found in (
        alert(4, rule="a", slo="avail", figures_at_firing=at_firing),
        alert(5, rule="b", **fast),
        alert(6, rule="c", **fast, **ended),
        alert(7, rule="d"),
    ):
        await store_alert(alerting.database, found)
    burns = slo_status(name="fast", composite_burn_rate=40.0, risk_level=RiskLevel.FREEZE)
    await alerting.feed(snapshot("checkout", avail, burns))
    shown = {found["id"]: found for found in await alerting.get("/api/alerts/checkout")}
    rates = {
        number: [
            shown[number][name] and shown[number][name]["composite_burn_rate"]
            for name in ("figures_at_firing", "figures_now")
        ]
        for number in (4, 5, 6, 7)
    }
    assert rates == {4: [0.5, 0.5], 5: [0.5, 40.0], 6: [0.5, None], 7: [None, 40.0]}
    assert shown[5]["slo"] == "fast"
    assert shown[5]["figures_now"]["risk_level"] == "FREEZE"
    history = await alerting.get("/api/alerts/5/history")
    assert history["alert"]["figures_now"] == shown[5]["figures_now"]
    alerting.now[0] += timedelta(minutes=1)
    late = (await alerting.get("/api/alerts/checkout"))[0]
    assert late["figures_now"]["data_status"] == "lagging"


async def test_who_takes_an_alert_on_is_shown_at_once_and_announced(
    alerting: GatewayHarness,
) -> None:
    taken = (await alerting.write("PATCH", TAKE, {"actor": "ines", "comment": "mine"})).json()
    assert (taken["state"], taken["version"]) == ("acknowledged", 1)
    who = (taken["acknowledged_by"], taken["acknowledged_on_behalf_of"])
    assert who == ("bootstrap", "ines")
    assert (await alerting.get("/api/alerts/checkout"))[1]["state"] == "acknowledged"
    (made,) = await alerting.announced(RULES)
    assert (made.episode_id, made.version) == (1, 1)
    assert (made.actor, made.on_behalf_of) == who
    _, deed = await alerting.audited()
    assert (deed.action, deed.actor, deed.on_behalf_of) == ("alert.acknowledged", *who)


async def test_taking_an_alert_on_twice_is_as_once(alerting: GatewayHarness) -> None:
    await alerting.write("PATCH", TAKE, {"actor": "ines", "comment": "mine"})
    again = await alerting.write("PATCH", TAKE, {"actor": "omar", "comment": "no, mine"})
    assert again.status_code == 200
    assert again.json()["acknowledged_on_behalf_of"] == "ines"
    assert len(await alerting.announced(RULES)) == 1


async def test_an_alert_that_has_risen_is_taken_on_anew(alerting: GatewayHarness) -> None:
    await alerting.write("PATCH", TAKE, {"actor": "ines"})
    await alerting.database.run("UPDATE alerts.episode SET version = 2 WHERE id = 1")
    assert (await alerting.get("/api/alerts/checkout"))[1]["state"] == "firing"
    stale = await alerting.write("PATCH", TAKE, {"actor": "omar", "version": 1})
    assert stale.status_code == 409
    assert stale.json()["errors"][0]["code"] == "changed_meanwhile"
    taken = await alerting.write("PATCH", TAKE, {"actor": "omar", "version": 2})
    assert taken.json()["acknowledged_on_behalf_of"] == "omar"


async def test_an_alert_that_has_ended_cannot_be_taken_on(alerting: GatewayHarness) -> None:
    response = await alerting.write("PATCH", "/api/alerts/2/acknowledge", {"actor": "ines"})
    assert response.status_code == 409
    assert response.json()["type"].endswith("already_resolved")


async def test_a_silence_begins_now_and_ends_when_told(alerting: GatewayHarness) -> None:
    made = (await alerting.write("POST", "/api/silences", SILENCE)).json()
    assert made["state"] == "active"
    path = f"/api/silences/{made['id']}"
    assert (await alerting.get(path))["matchers"] == [{**MATCHERS[0], "is_equal": True}]
    alerting.now[0] += timedelta(minutes=59)
    assert (await alerting.get(path))["state"] == "active"
    alerting.now[0] += timedelta(minutes=1)
    assert (await alerting.get(path))["state"] == "expired"


def silencing(*matchers: dict[str, Any]) -> dict[str, Any]:
    return {**SILENCE, "matchers": list(matchers)}


def is_(name: str, value: str, **fields: bool) -> dict[str, Any]:
    return {"name": name, "value": value, **fields}


NOT = {"is_equal": False}
GLOB = {"is_glob": True}


@pytest.mark.parametrize(
    "matchers",
    [
        [is_("service", "checkout"), is_("service", "cart")],
        [is_("service", "checkout"), is_("service", "checkout", **NOT)],
        [is_("service", "checkout"), is_("service", "ca*", **GLOB)],
        [is_("severity", "critical")],
        [is_("severity", "pa?", **GLOB), is_("severity", "page", **NOT)],
        [is_("tier", "9")],
        [is_("service", "a"), *(is_("tier", tier, **NOT) for tier in "123")],
        [is_("service", "Checkout")],
        [is_("alertname", "Burn Rate")],
        [is_("team", "web"), is_("team", "shop")],
    ],
)
async def test_a_silence_that_no_alert_can_ever_match_is_refused(
    alerting: GatewayHarness, matchers: list[dict[str, Any]]
) -> None:
    answer = await alerting.write("POST", "/api/silences", silencing(*matchers))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "matches_nothing"
    assert await alerting.get("/api/silences") == []


@pytest.mark.parametrize(
    ("matchers", "alerts", "services"),
    [
        ([is_("service", "checkout")], 2, 1),
        ([is_("service", "check*", **GLOB)], 2, 1),
        ([is_("service", "checkout"), is_("slo", "default")], 0, 1),
        ([is_("service", "checkout"), is_("slo", "fast")], 0, 0),
        ([is_("service", "nobody")], 0, 0),
        ([is_("alertname", "burn-rate-page")], 0, 1),
        ([is_("alertname", "gone")], 0, 0),
        ([is_("team", "payments"), is_("tier", "1")], 0, 1),
        ([is_("team", "nobody")], 0, 0),
        ([is_("severity", "page")], 0, 1),
    ],
)
async def test_a_silence_says_how_many_open_alerts_and_services_it_matches(
    alerting: GatewayHarness, matchers: list[dict[str, Any]], alerts: int, services: int
) -> None:
    """Two alerts of checkout are open; their labels name the service alone."""
    answer = await alerting.write("POST", "/api/silences", silencing(*matchers))
    made = answer.json()
    assert (answer.status_code, made["matching_alerts"], made["matching_services"]) == (
        201,
        alerts,
        services,
    )
    nothing = None if alerts or services else "matches no alert and no service"
    assert made["warning"] == nothing
    assert await alerting.get(f"/api/silences/{made['id']}") == made
    assert await alerting.get("/api/silences") == [made]
    ended = await alerting.write("DELETE", f"/api/silences/{made['id']}", STATEMENT)
    assert (ended.json()["matching_alerts"], ended.json()["warning"]) == (None, None)


async def test_a_silence_is_expired_by_hand_once(alerting: GatewayHarness) -> None:
    made = (await alerting.write("POST", "/api/silences", SILENCE)).json()
    path = f"/api/silences/{made['id']}"
    alerting.now[0] += timedelta(minutes=1)
    for _ in range(2):
        ended = await alerting.write("DELETE", path, STATEMENT)
        shown = ended.json()
        assert (shown["state"], shown["expired_by"]) == ("expired", "bootstrap")
        assert shown["expired_on_behalf_of"] == "ines"
    _, _, created, _, expired = await alerting.audited()
    assert (created.action, expired.action) == ("silence.created", "silence.expired")
    spans = [entry.details for entry in (created, expired)]
    assert datetime.fromisoformat(spans[0]["ends_at"]) == NOW + timedelta(hours=1)
    assert datetime.fromisoformat(spans[1]["ends_at"]) == NOW + timedelta(minutes=1)
    assert datetime.fromisoformat(spans[0]["starts_at"]) == NOW


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"matchers": [{"name": "service", "value": "*", "is_glob": True}]}, "matchers"),
        ({"matchers": [{"name": "service", "value": "[a]", "is_glob": True}]}, "matchers[0].value"),
        ({"duration_minutes": None, "ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"starts_at": "2025-01-01T00:00:00Z"}, "ends_at"),
        ({"starts_at": "9999-12-31T23:00:00-02:00"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+01:00"}, "starts_at"),
        ({"duration_minutes": None}, "body"),
        ({"comment": " "}, "comment"),
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused_by_its_field(
    alerting: GatewayHarness, changes: dict[str, Any], field: str
) -> None:
    response = await alerting.write("POST", "/api/silences", {**SILENCE, **changes})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field


async def test_default_rules_are_shown_changed_and_given_back(alerting: GatewayHarness) -> None:
    shown = {found["name"]: found for found in await alerting.get("/api/rules")}
    assert set(shown) == set(default_rules())
    path = "/api/rules/budget-left"
    body = {**STATEMENT, "changes": {"except_services": ["reports"], "cooldown_seconds": 60}}
    changed = (await alerting.write("PATCH", path, body)).json()
    assert (changed["source"], changed["rule"]["cooldown_seconds"]) == ("changed", 60)
    assert changed["rule"]["levels"] == shown["budget-left"]["rule"]["levels"]
    (announced,) = await alerting.announced(RULES)
    assert msgspec.to_builtins(announced)["document"] == changed["rule"]
    assert (await alerting.write("DELETE", path, STATEMENT)).status_code == 204
    assert (await alerting.get(path))["source"] == "default"
    assert (await alerting.announced(RULES))[-1].retired


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({**RULE, "levels": []}, "rule.levels"),
        (
            {**RULE, "levels": [{"severity": "page", "within_hours": 3}]},
            "rule.levels[0].within_hours",
        ),
        ({**RULE, "channels": ["nowhere"]}, "rule.channels[0]"),
        ({**RULE, "for_seconds": -1}, "rule.for_seconds"),
        ({**RULE, "colour": "red"}, "rule.rule"),
    ],
)
async def test_a_rule_that_cannot_be_used_is_refused_by_its_field(
    alerting: GatewayHarness, rule: dict[str, Any], field: str
) -> None:
    response = await alerting.write("POST", "/api/rules", {**STATEMENT, "rule": rule})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field


async def test_rules_that_would_keep_each_other_quiet_are_refused(
    alerting: GatewayHarness,
) -> None:
    body = {**STATEMENT, "changes": {"inhibits": ["burn-rate-page"]}}
    response = await alerting.write("PATCH", "/api/rules/burn-rate-ticket", body)
    assert response.json()["errors"][0]["code"] == "circle"


async def test_secrets_are_never_shown_again(alerting: GatewayHarness) -> None:
    made = await alerting.write("POST", "/api/channels", HOOK)
    shown = made.json()
    assert shown["address"] == "https://hooks.example.com"
    assert shown["has_secrets"] == ["signing_secret", "url"]
    paths = ("/api/channels", f"/api/channels/{shown['id']}", "/api/rules")
    read = [(await alerting.client.get(path)).text for path in paths]
    bad = {**HOOK, "name": "b", "secrets": {"url": "ftp://t0ps3cret", "signing_secret": "s3cret"}}
    refused = [(await alerting.write("POST", "/api/channels", body)).text for body in (HOOK, bad)]
    announced = [encode(event).decode() for event in await alerting.announced(RULES)]
    async with alerting.of(AlertStore).read() as reader:
        channels = [*map(repr, await reader.channels())]
    audited = [*map(str, await alerting.audited())]
    for text in (made.text, *read, *refused, *announced, *audited, *channels):
        assert "t0ps3cret" not in text
        assert "s3cret" not in text


async def test_a_channel_is_changed_all_secrets_at_once_and_deleted(
    alerting: GatewayHarness,
) -> None:
    made = (await alerting.write("POST", "/api/channels", HOOK)).json()
    path = f"/api/channels/{made['id']}"
    body = {"actor": "ines", "secrets": {"url": "https://other.example.com/x"}}
    assert (await alerting.write("PUT", path, body)).json()["has_secrets"] == ["url"]
    rested = await alerting.write("PUT", path, {"actor": "ines", "enabled": False})
    assert not rested.json()["enabled"]
    assert (await alerting.write("DELETE", path, STATEMENT)).status_code == 204
    assert (await alerting.client.get(path)).status_code == 404
    query = "SELECT secrets FROM catalog.channels WHERE id = :id"
    assert await alerting.database.rows(query, id=made["id"]) == [({},)]


async def test_the_test_of_a_channel_is_asked_for_and_its_outcome_told(
    alerting: GatewayHarness,
) -> None:
    async def fail(command: bytes) -> None:
        asked = msgspec.json.decode(command, type=ChannelTestRequested)
        await store_test(alerting.database, asked, state="dead", last_error="answered 404")

    alerting.sender.answer = fail
    answer = await alerting.write("POST", "/api/channels/1/test", {"actor": "ines"})
    assert (answer.json()["state"], answer.json()["last_error"]) == ("dead", "answered 404")
    ((topic, value),) = alerting.sender.sent
    assert topic == COMMANDS.name
    assert msgspec.json.decode(value or b"", type=ChannelTestRequested).channel == "simulated"


async def test_a_test_that_nobody_takes_up_is_pending_and_says_so(
    alerting: GatewayHarness,
) -> None:
    answer = await alerting.write("POST", "/api/channels/1/test", {"actor": "ines"})
    assert answer.json()["state"] == "pending"
    assert "in time" in answer.json()["last_error"]


async def test_what_the_rules_topic_has_lost_is_announced_again(alerting: GatewayHarness) -> None:
    await alerting.write("POST", "/api/silences", SILENCE)
    await alerting.write("PATCH", TAKE, {"actor": "ines"})
    await alerting.write("POST", "/api/rules", {**STATEMENT, "rule": {**RULE, "levels": LEVELS}})
    for event in (await alerting.announced(RULES))[1:]:
        await alerting.feed_bytes(RULES.name, encode(event))
    await alerting.database.run("DELETE FROM catalog.outbox")
    store, model = alerting.of(AlertStore), alerting.of(ReadModel)
    assert await store.republish(model.announced, NOW) == 2  # the silence, the channel
    again = await alerting.announced(RULES)
    assert {type(e).__name__ for e in again} == {"SilenceChanged", "ChannelChanged"}


@pytest.mark.parametrize(
    ("ages", "status"), [((), "lagging"), ((3, 4), "ok"), ((3, 14), "ok"), ((3, 15), "lagging")]
)
async def test_a_list_says_whether_the_alerts_service_lives(
    gateway: GatewayHarness, ages: tuple[int, ...], status: str
) -> None:
    for shard, seconds in enumerate(ages):
        at = NOW - timedelta(seconds=seconds)
        await gateway.database.insert(
            "alerts.shard", shard=shard, epoch=1, owner="host:1", updated_at=at
        )
    answer = await gateway.client.get("/api/alerts")
    assert (answer.json(), answer.headers["Alerts-Status"]) == ([], status)
    said = answer.headers.get("Alerts-Confirmed-At")
    oldest = NOW - timedelta(seconds=max(ages, default=0))
    assert said == (oldest.isoformat() if ages else None)
