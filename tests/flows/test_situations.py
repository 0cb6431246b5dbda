"""Situations that operators have met, each asked over REST of one running stack.

What is a day old or older is imported at the beginning, in one file; what is new is sent over HTTP.
"""

import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from common import zstd
from common.config.clock import rfc3339
from tests.support.flow import (
    command,
    create_service,
    create_target,
    get,
    run_import,
    send,
    wait_for,
    write,
)
from tests.support.servers.stack import Stack

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LARGEST_COUNT = 2**53 - 1
RULES = Path(__file__).parents[2] / "libs" / "common" / "common" / "alerting" / "rules.yaml"
WHO = {"actor": "ines", "reason": "a test of the whole"}
FAST = {"name": "fast", "sli_type": "latency", "threshold_seconds": 0.25, "window_days": 30}
AVAILABLE = {"sli_type": "availability", "window_days": 30}


def event(
    service: str, age: timedelta, total: int, bad: int, number: int = 0, **more: Any
) -> dict[str, Any]:
    """Return a report of so long ago; `number` tells those of one source apart."""
    return {
        "service": service,
        "source": "field",
        "event_id": f"{service}-{age.total_seconds():.0f}-{number}",
        "timestamp": rfc3339(datetime.now(UTC) - age),
        "total": total,
        "bad": bad,
        **more,
    }


def latency(fast: int, slow: int) -> dict[str, Any]:
    """Return a histogram with so many requests below and above the threshold of `fast`."""
    return {"latency": {"bounds": [0.25], "counts": [fast, slow]}}


def counts(total: int, bad: int) -> Callable[[Any], bool]:
    """Return a condition: the service's objectives count exactly this."""
    return lambda body: all((s["total"], s["bad"]) == (total, bad) for s in body["slos"])


def notified(stack: Stack, service: str, **wanted: Any) -> dict[str, Any]:
    """Wait for an alert of a service that somebody is notified of; return it."""

    def said(alerts: Any) -> list[dict[str, Any]]:
        return [a for a in alerts if a["notices"] and wanted.items() <= a.items()]

    found = wait_for(stack, f"/api/alerts/{service}", lambda alerts: bool(said(alerts)))
    return said(found)[0]


GROWN = [event("grown", 5 * DAY - n * HOUR, 100, bad) for n, bad in enumerate((1, 1, 1, 3))]


def past() -> list[dict[str, Any]]:
    """Return what is imported: of each service what its situation begins with."""
    hourly = {"window_seconds": 3600}
    return [
        event("edge", 29 * DAY + 23 * HOUR + 55 * MINUTE, 1000, 100),
        event("ledger", 44 * DAY, 5000, 40),
        event("ledger", 20 * DAY, 3000, 2),
        event("silent", 29 * DAY, 1000, 0),
        *GROWN[:3],
        *(event("saturated", n * MINUTE, LARGEST_COUNT, 0) for n in (1, 2)),
        event("overspent", 3 * DAY, 100_000, 1000, **latency(100_000, 0)),
        *(event("slow-burn", n * MINUTE, 100, int(n % 8 == 0)) for n in range(15, 26 * 60)),
        *(event("few", n * HOUR / 9, 1, 1) for n in range(1, 54)),
        *(
            event("hourly", n * HOUR + MINUTE, 1000, 500 if n < 6 else 0, **hourly)
            for n in range(30)
        ),
    ]


def present() -> list[dict[str, Any]]:
    """Return what is sent at once."""
    now = timedelta(seconds=10)
    hourly = {"window_seconds": 3600}
    return [
        event("edge", now, 100_000, 0),
        event("ledger", now, 2000, 1),
        event("overspent", now, 100_000, 0, **latency(99_500, 500)),
        event("few", now, 1, 1),
        event("near", now, 1_000_000, 2001),
        event("slow-burn", now, 100, 0),
        event("tenth", now, 10_000, 9),
        event("large", now, 10**8, 0),
        *(event("muffled", (n + 48) * now, 100, 0) for n in range(72)),
        event("muffled", now, 100, 0, **hourly),
        event("saturated", now, 10**9, 10**9),
        event("two", now, 10_000, 5000, **latency(10_000, 0)),
        event("released", now, 1000, 500),
    ]


@pytest.fixture(scope="module")
def field(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack with all situations in it; alerts wait for nothing but their condition."""
    targets: dict[str, list[dict[str, Any]]] = {
        "overspent": [{**AVAILABLE, "name": "avail", "objective": 0.999}],
        "two": [{**AVAILABLE, "name": "avail", "objective": 0.99}],
        "few": [{**AVAILABLE, "name": "avail", "objective": 0.99}],
        "large": [{**AVAILABLE, "name": "avail", "objective": 0.9995}],
    }
    for name in ("overspent", "two"):
        targets[name].append({**FAST, "objective": 0.99})
    for name, wanted in targets.items():
        create_service(stack, name)
        for target in wanted:
            create_target(stack, name, **target)
    at_once = {"for_seconds": 0, "min_bad_events": 1}
    for rule in ("risk-level", "budget-left"):
        answer = write(stack, "PATCH", f"/api/rules/{rule}", {**WHO, "changes": at_once})
        assert answer.status_code == 200, answer.text
    file = tmp_path_factory.mktemp("field") / "events.ndjson.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(e) + "\n" for e in past()).encode()))
    send(stack, present())
    run_import(stack, file)
    return stack


def test_a_report_at_the_edge_of_the_window_has_one_answer_everywhere(field: Stack) -> None:
    """Live figures, preview, history and the count of the span."""
    live = wait_for(field, "/api/slo/edge", lambda body: body["slos"][0]["total"] >= 100_000)
    [slo] = live["slos"]
    shown = get(field, "/api/slo/edge/preview?objective=0.999")["would_be"]
    assert (shown["total"], shown["bad"]) == (slo["total"], slo["bad"])
    assert (slo["total"], slo["bad"]) in {(101_000, 100), (100_000, 0)}
    for days in (45, 89):
        since = rfc3339(datetime.now(UTC) - days * DAY).replace("+00:00", "Z")
        history = get(field, f"/api/burn/edge?from={since}&step=1h")
        summed = [sum(p[name] for p in history["points"]) for name in ("total", "bad")]
        assert summed == [101_000, 100]
        [counted] = get(field, f"/api/counts?from={since}&service=edge")["services"]
        assert (counted["slos"][0]["total"], counted["slos"][0]["bad"]) == (101_000, 100)


def test_a_report_of_45_days_has_both_its_edges(field: Stack) -> None:
    wait_for(field, "/api/slo/ledger", counts(5000, 3))
    text = command(field, "report", "--since", "45d").stdout
    [row] = re.findall(r"## ledger .*?\n\n.*?\n.*?\n(.*?)\n", text)
    assert "| 10,000 | 43 |" in row


def test_a_preview_does_not_take_silence_for_health(field: Stack) -> None:
    wait_for(field, "/api/slo/silent", counts(1000, 0))
    shown = get(field, "/api/slo/silent/preview?objective=0.999")["would_be"]
    assert (shown["data_status"], shown["risk_level"]) == ("no_data", None)
    assert shown["reported_seconds"] == 3600
    assert shown["coverage_ratio"] == pytest.approx(1 / 720, rel=0.01)


def test_where_only_hours_are_kept_a_history_says_so(field: Stack) -> None:
    until = datetime.now(UTC) - 3 * DAY + HOUR
    span = f"from={rfc3339(until - 3 * HOUR)}&to={rfc3339(until)}"
    history = get(field, f"/api/burn/overspent?{span.replace('+', '%2B')}&step=1h")
    assert {"5m"} <= {name for point in history["points"] for name in point["coarse_windows"]}


def test_a_file_that_has_grown_by_a_line_counts_each_event_once(
    field: Stack, tmp_path: Path
) -> None:
    wait_for(field, "/api/slo/grown", counts(300, 3))
    file = tmp_path / "grown.ndjson"
    file.write_text("".join(json.dumps(line) + "\n" for line in GROWN))
    run_import(field, file)
    wait_for(field, "/api/slo/grown", counts(400, 6))


def test_the_worst_by_one_measure_does_not_speak_for_the_others(field: Stack) -> None:
    body = wait_for(
        field, "/api/slo/overspent", lambda body: all(s["total"] == 200_000 for s in body["slos"])
    )
    assert (body["slo_name"], body["error_budget_remaining"]) == ("fast", -4.0)
    [row] = [r for r in get(field, "/api/overview")["services"] if r["service_name"] == "overspent"]
    assert (row["slo_name"], row["budget_slo_name"], row["bad_events_left"]) == (
        "fast",
        "avail",
        -800,
    )
    narrative = get(field, "/api/summary/overspent")["narrative"]
    assert "500% of its budget for 99.9% availability" in narrative
    assert "75%" not in narrative


def test_figures_beside_a_threshold_keep_their_side(field: Stack) -> None:
    alerts = wait_for(
        field, "/api/alerts/near", lambda alerts: "risk-level" in {a["rule"] for a in alerts}
    )
    [message] = [alert["message"] for alert in alerts if alert["rule"] == "risk-level"]
    assert "its composite burn rate is 2.001 (default; threshold 2)" in message
    release = wait_for(field, "/api/release/near", lambda body: body["decision"] == "BLOCK")
    said = [r["message"] for r in release["reasons"] if r["code"] == "risk_freeze"]
    assert "2.001" in said[0], said
    narrative = get(field, "/api/summary/near")["narrative"]
    assert "FREEZE with a composite burn rate of 2.001" in narrative


def test_exactly_a_tenth_left_is_a_tenth_or_less(field: Stack) -> None:
    assert notified(field, "tenth", rule="budget-left")["severity"] == "ticket"
    body = wait_for(field, "/api/slo/large", counts(10**8, 0))
    assert body["slos"][0]["bad_events_left"] == 50_000


def test_nine_failures_an_hour_and_nothing_else_page(field: Stack) -> None:
    page = notified(field, "few", rule="burn-rate-page")
    assert page["severity"] == "page"
    assert page["figures_now"]["burn_rate_1h"] == pytest.approx(100)


def test_a_second_objective_is_notified_of_while_the_first_is_acknowledged(field: Stack) -> None:
    first = notified(field, "two", rule="burn-rate-page", slo="avail")
    path = f"/api/alerts/{first['id']}/acknowledge"
    assert write(field, "PATCH", path, {"actor": "ines"}).status_code == 200
    send(field, [event("two", timedelta(seconds=5), 10_000, 0, number=1, **latency(0, 10_000))])
    second = notified(field, "two", rule="burn-rate-page", slo="fast")
    assert "(fast; threshold" in second["message"]
    assert second["acknowledged_by"] is None


def test_an_old_ticket_mutes_no_new_outage_and_the_narrative_knows_which_is_which(
    field: Stack,
) -> None:
    notified(field, "slow-burn", rule="burn-rate-ticket")
    jump = [event("slow-burn", n * MINUTE, 100, 7, number=1) for n in range(6)]
    send(field, jump)
    outage = notified(field, "slow-burn", rule="risk-level", severity="ticket")
    assert outage["figures_at_firing"]["composite_burn_rate"] > 20
    narrative = wait_for(
        field,
        "/api/summary/slow-burn",
        lambda body: {"onset", "older_burn"} <= {fact["id"] for fact in body["facts"]},
    )
    [onset] = [fact for fact in narrative["facts"] if fact["id"] == "onset"]
    assert re.search(r"\b[4-9] minutes ago", onset["text"]), onset
    assert "steady" not in narrative["narrative"]
    assert "over both 72 hours" not in narrative["narrative"]


def test_hourly_reports_page_and_are_not_stale_live_and_replayed(field: Stack) -> None:
    page = notified(field, "hourly", rule="burn-rate-page")
    assert get(field, "/api/slo/hourly")["data_status"] == "ok"
    printed = command(field, "rules", "test", str(RULES), "--service", "hourly", "--format", "json")
    alarms = json.loads(printed.stdout)["alarms"]
    assert page["rule"] in {alarm["rule"] for alarm in alarms}
    assert "data-stale" not in {alarm["rule"] for alarm in alarms}


@pytest.mark.parametrize(("began_ago", "recall"), [(7 * HOUR, 1.0), (2 * HOUR, 0.0)])
def test_an_alarm_that_was_open_before_an_incident_has_not_detected_it(
    field: Stack, tmp_path: Path, began_ago: timedelta, recall: float
) -> None:
    """The page of the hourly reporter has been open for six hours."""
    notified(field, "hourly", rule="burn-rate-page")
    now = datetime.now(UTC)
    incident = {"scenario": "outage", "service": "hourly", "parameters": {}}
    times = {"from": rfc3339(now - began_ago), "to": rfc3339(now)}
    truth = tmp_path / "truth.ndjson"
    truth.write_text(json.dumps({**incident, **times}) + "\n")
    asked = (str(RULES), "--service", "hourly", "--truth", str(truth), "--format", "json")
    printed = command(field, "rules", "test", *asked)
    scores = json.loads(printed.stdout)["scores"]["pages"]
    assert scores["recall"] == recall, scores


def test_a_report_of_an_hour_does_not_hide_that_the_usual_ones_have_stopped(field: Stack) -> None:
    body = wait_for(field, "/api/slo/muffled", lambda body: body["slos"][0]["total"] == 7300)
    assert (body["data_status"], body["stale_after_seconds"]) == ("stale", 300)
    assert body["resolution_seconds"] == 10


def test_sums_that_have_reached_their_limit_are_unknown_to_the_gate(field: Stack) -> None:
    body = wait_for(field, "/api/slo/saturated", lambda body: body["data_status"] == "saturated")
    assert body["slos"][0]["total"] == LARGEST_COUNT
    release = wait_for(
        field, "/api/release/saturated", lambda body: body["data_status"] == "saturated"
    )
    assert (release["decision"], release["reasons"][0]["code"]) == ("UNKNOWN", "saturated")
    forecast = wait_for(
        field, "/api/forecast/saturated", lambda body: body["data_status"] == "saturated"
    )
    assert forecast["confidence_level"] == "low"
    assert "can be counted" in forecast["forecast_message"]
    narrative = get(field, "/api/summary/saturated")["narrative"]
    assert "counted" in narrative


def test_a_silence_about_nothing_is_refused_or_warned_of(field: Stack) -> None:
    made = {"duration_minutes": 1, "created_by": "ines", "comment": "planned work"}

    def silenced(*matchers: tuple[str, str]) -> httpx.Response:
        wanted = [{"name": name, "value": value} for name, value in matchers]
        return write(field, "POST", "/api/silences", {**made, "matchers": wanted})

    for refused in (
        [("service", "near"), ("service", "few")],
        [("severity", "critical")],
        [("tier", "9")],
    ):
        assert silenced(*refused).status_code == 422, refused
    for about_nothing in ("nobody", "Near"):
        answer = silenced(("service", about_nothing))
        if answer.status_code != 422:
            assert answer.status_code == 201, answer.text
            body = answer.json()
            assert (body["matching_alerts"], body["matching_services"]) == (0, 0)
            assert "matches no" in body["warning"]


def test_text_of_strangers_does_not_hide_the_rest_of_a_step_summary(
    field: Stack, tmp_path: Path
) -> None:
    wait_for(field, "/api/release/released", lambda body: body["decision"] == "BLOCK")
    why = "hotfix <!-- | <img src=x> `"
    override = {"actor": "ana", "reason": why, "decision": "ALLOW"}
    assert write(field, "POST", "/api/release/released/override", override).status_code == 201
    summary = tmp_path / "summary.md"
    asked = ("gate", "check", "released", "--format", "github")
    command(field, *asked, GITHUB_STEP_SUMMARY=str(summary))
    written = summary.read_text()
    assert "hotfix" in written
    assert not re.search(r"(?<!\\)<", written)


def test_a_note_stands_on_the_timeline_and_explains_nothing(field: Stack) -> None:
    said = "sale <!-- until noon"
    noted = command(field, "note", "slow-burn", said, BURNLINE_INGEST_URL=field.ingest_url)
    assert noted.returncode == 0, noted.stderr
    path = "/api/changes?service=slow-burn"
    [note] = wait_for(field, path, bool)
    assert (note["kind"], note["note"], note["source"]) == ("note", said, "burnline note")
    facts = get(field, "/api/summary/slow-burn")["facts"]
    assert not {"change_before_onset", "last_change"} & {fact["id"] for fact in facts}
    for wrong, field_named in ((("checkout", " "), "note"), (("Checkout", "so"), "service")):
        refused = command(field, "note", *wrong, BURNLINE_INGEST_URL=field.ingest_url)
        assert refused.returncode == 1
        assert f"422: {field_named}: " in refused.stderr.replace("The first: ", ""), refused.stderr
    undated = command(field, "note", "checkout", "so", "--at", "noon")
    assert "--at: `noon` is no instant such as" in undated.stderr


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)]
)
def test_compressed_bodies_are_taken(
    field: Stack, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    body = compress(json.dumps([event(f"body-{encoding}", timedelta(), 10, 1)]).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    with field.client(field.ingest_url) as client:
        answer = client.post("/v1/events", content=body, headers=headers)
    assert answer.json() == {"accepted": 1, "rejected": []}
    wait_for(field, f"/api/slo/body-{encoding}", counts(10, 1))
