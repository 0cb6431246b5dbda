"""Without the database: what memory holds is answered with its age, all else is 503."""

import re
from datetime import timedelta
from typing import Any, Final

import httpx

from burnline.localstack.places import project_root
from common.slo.freshness import SHARD_SILENCE_SECONDS
from tests.support.burn_events import NOW
from tests.support.gateway.decisions import decided
from tests.support.gateway.document import operations
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.operation_cases import GOOD
from tests.support.gateway.results import confirm_alerts

AWAY_SECONDS: Final = 20
SECTION: Final = re.compile(r"(?s)\n## Without PostgreSQL\n(.*?)\n## ")
ROW: Final = re.compile(r"(?m)^\| `GET (\S+)` \| (.*) \|$")
ASKED: Final = {"get_release": "/api/release/cart"}
"""Of `checkout` an override has a say."""


def documented() -> dict[str, list[str]]:
    """Return the fields that say how old an answer is, by its path in the document."""
    found = SECTION.search((project_root() / "docs/rest.md").read_text())
    assert found is not None
    return {path: re.findall(r"`(\w+)`", age) for path, age in ROW.findall(found[1])}


def reads(document: dict[str, Any]) -> dict[str, str]:
    """Return a path to ask for every read, by the path of the document."""
    paths = {o["operationId"]: path for path, method, o in operations(document) if method == "get"}
    asked = {name: ASKED.get(name, path) for name, method, path, _ in GOOD if method == "GET"}
    assert paths.keys() - asked.keys() == {"stream_changes"}
    return {paths[name]: path for name, path in asked.items()}


async def test_each_read_is_answered_as_the_document_says(
    filled: GatewayHarness, gateway_document: dict[str, Any]
) -> None:
    await filled.feed(decided("cart", "ALLOW"))
    asked, memory = reads(gateway_document), documented()
    assert memory.keys() <= asked.keys()
    for path in asked.values():
        assert (await filled.write("GET", path)).status_code == 200, path
    filled.database.failure = ConnectionRefusedError("refused")
    filled.now[0] += timedelta(seconds=AWAY_SECONDS)
    answers = {path: await filled.write("GET", given) for path, given in asked.items()}
    answered = {path for path, answer in answers.items() if answer.status_code == 200}
    assert answered == memory.keys()
    assert {a.status_code for p, a in answers.items() if p not in answered} == {503}
    for path, fields in memory.items():
        for field in fields:
            assert says(answers[path], field), (path, field)


def says(answer: httpx.Response, field: str) -> bool:
    """Return whether an answer has the header or the field."""
    if field in answer.headers:
        return int(answer.headers[field]) >= AWAY_SECONDS
    return f'"{field}":' in answer.text


async def test_the_database_that_answers_again_is_of_now(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.get("/api/burn")
    gateway.database.failure = ConnectionRefusedError("refused")
    gateway.now[0] += timedelta(seconds=AWAY_SECONDS)
    answer = await gateway.client.get("/api/services")
    assert ([s["name"] for s in answer.json()], answer.headers["Age"]) == (["checkout"], "20")
    gateway.database.failure = None
    assert "Age" not in (await gateway.client.get("/api/services")).headers


async def test_alerts_that_may_have_begun_unseen_are_counted_with_their_age(
    filled: GatewayHarness,
) -> None:
    before = (await filled.get("/api/summary"))["active_alerts"]
    assert (before["status"], before["total"] > 0) == ("ok", True)
    filled.database.failure = ConnectionRefusedError("refused")
    filled.now[0] += timedelta(seconds=AWAY_SECONDS)
    summary = await filled.get("/api/summary")
    assert summary["active_alerts"] == {**before, "status": "lagging"}
    assert summary["changes_read_at"] == NOW.isoformat().replace("+00:00", "Z")
    assert "alert" not in summary["narrative"]


async def test_alerts_lag_where_nobody_gives_figures(filled: GatewayHarness) -> None:
    silence = timedelta(seconds=SHARD_SILENCE_SECONDS)
    for ahead, status in ((timedelta(), "ok"), (silence, "lagging")):
        now = NOW + ahead
        filled.now[0] = now
        await confirm_alerts(filled.database, now)
        answer = await filled.client.get("/api/alerts")
        assert answer.headers["Alerts-Status"] == status
        assert answer.headers["Alerts-Confirmed-At"] == NOW.isoformat()
