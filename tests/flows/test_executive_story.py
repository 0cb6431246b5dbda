"""A service burns after a deployment, and the executive view and the report tell it, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

from api_gateway.narrative.fact import Fact, Facts
from common.config.clock import rfc3339
from tests.support.flow import command, create_service, get, send, wait_for
from tests.support.narratives import check
from tests.support.servers.stack import Stack

SERVICE = "storefront"
MINUTES = 90
BROKEN_MINUTES = 12


def reports(now: datetime) -> list[dict[str, Any]]:
    """Return an event for each minute; the last ones with failures."""
    newest = now.replace(second=0, microsecond=0)
    return [
        {
            "service": SERVICE,
            "source": "story",
            "event_id": f"minute-{ago}",
            "timestamp": rfc3339(newest - timedelta(minutes=ago)),
            "window_seconds": 60,
            "total": 1000,
            "bad": 80 if ago < BROKEN_MINUTES else 0,
        }
        for ago in range(MINUTES)
    ]


def test_a_deployment_that_went_wrong_is_told(stack: Stack) -> None:
    now = datetime.now(UTC)
    create_service(stack, SERVICE, tier=1)
    deployed = now.replace(second=0, microsecond=0) - timedelta(minutes=BROKEN_MINUTES + 3)
    change = {"service": SERVICE, "at": rfc3339(deployed), "kind": "deploy", "version": "2.7.1"}
    with stack.client(stack.ingest_url) as client:
        assert client.post("/v1/changes", json=change).status_code == 202
    send(stack, reports(now))

    summary = wait_for(
        stack,
        f"/api/summary/{SERVICE}",
        lambda body: "roll back 2.7.1" in body["narrative"] and "blocked" in body["narrative"],
    )
    facts = Facts(Fact(f["id"], f["name"], f["value"], f["text"]) for f in summary["facts"])
    check(summary["narrative"], facts)
    assert "at risk level FREEZE" in summary["narrative"]
    assert "A deploy of 2.7.1 took effect" in summary["narrative"]
    assert summary["source"] == "template"
    assert summary["insights"][0]["severity"] == "critical"

    summary = wait_for(stack, "/api/summary", lambda b: SERVICE in b["blocked_releases"])
    assert SERVICE in [low["service_name"] for low in summary["lowest_budgets"]]
    assert summary["changes_since_yesterday"] >= 1
    row = next(
        row for row in get(stack, "/api/summary/heatmap")["services"]
        if row["service_name"] == SERVICE
    )  # fmt: skip
    assert any(cell and cell["risk_level"] == "FREEZE" for cell in row["cells"][-2:])

    with stack.client() as client:
        first = client.get("/api/summary/heatmap", headers={"Accept-Encoding": "gzip"})
        etag = {"If-None-Match": first.headers["ETag"]}
        assert first.headers["Content-Encoding"] == "gzip"
        assert client.get("/api/summary/heatmap", headers=etag).status_code in {200, 304}

    report = command(stack, "report", "--since", "24h").stdout
    section = report.split(f"## {SERVICE} ")[1].split("## ")[0]
    assert f"| missed | {MINUTES * 1000:,} | {BROKEN_MINUTES * 80:,} |" in section
    assert "Feature releases were blocked 1 time" in section
