"""Reads over REST what a report is made of: lists of all services, then a few requests for each."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import httpx

from burnline.errors import StackError
from burnline.report.figures import (
    BEFORE_EPISODE,
    Episode,
    Period,
    Row,
    ServiceReport,
    SloFigures,
    blocked,
    change_before,
    instant,
    objective_of,
)
from common.events import NOTE

AT_ONCE = 8
MOST_EPISODES = 10
MOST_PAGES = 500
PAGE = 200


class ReportReader:
    """Reads one period from a gateway."""

    def __init__(self, client: httpx.AsyncClient, period: Period) -> None:
        self._client, self._period = client, period
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def services(self) -> list[ServiceReport]:
        """Return a report on each service in use, the most of a budget spent first."""
        early = self._period.since - BEFORE_EPISODE
        span = {"from": early.isoformat(), "to": self._until}
        services = await self._all("/api/services")
        if not services:
            return []
        counts = (await self._counts(self._period))["services"]
        happened = _by_service(await self._all("/api/changes", span))
        alerts = _by_service(await self._all("/api/alerts", {"since": self._since}))
        totals = {row["service_name"]: row for row in counts}
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    self._service(service, totals[name], happened[name], alerts[name])
                )
                for service in services
                if (name := service["name"]) in totals
            ]
        found = [task.result() for task in tasks]
        return sorted(found, key=lambda report: (-report.worst, report.service["name"]))

    async def _service(
        self, service: Row, totals: Row, happened: Sequence[Row], alerts: Sequence[Row]
    ) -> ServiceReport:
        name = service["name"]
        changes = [one for one in happened if one["kind"] != NOTE]
        of_period = [one for one in happened if instant(one["at"]) >= self._period.since]
        shown = [a for a in alerts if a["severity"] != "info" and self._touches(a)]
        episodes = [await self._episode(a, totals, changes) for a in shown[:MOST_EPISODES]]
        answers = await self._answers(name)
        overrides = await self._all(f"/api/release/{name}/override")
        return ServiceReport(
            service=service,
            slos=[
                SloFigures(slo, slo["total"], slo["bad"], slo["uncertain"])
                for slo in totals["slos"]
            ],
            episodes=episodes,
            more_episodes=len(shown) - len(episodes),
            changes=[one for one in of_period if one["kind"] != NOTE],
            notes=[one for one in reversed(of_period) if one["kind"] == NOTE],
            blocked=blocked(answers, overrides, self._period),
            snapshot_id=totals["snapshot_id"],
            decision_id=answers[0]["decision_id"] if answers else None,
        )

    async def _episode(self, alert: Row, totals: Row, changes: Sequence[Row]) -> Episode:
        """Return an alert with what its objective counted meanwhile, or the service's worst one."""
        began = instant(alert["started_at"])
        ended = None if alert["resolved_at"] is None else instant(alert["resolved_at"])
        last = min(ended or self._period.until, self._period.until)
        lasted = Period(max(began, self._period.since), last)
        slo = objective_of(alert, totals)
        bad = 0
        if slo is not None and lasted.since < lasted.until:
            [meanwhile] = (await self._counts(lasted, alert["service_name"]))["services"]
            bad = sum(own["bad"] for own in meanwhile["slos"] if own["id"] == slo["id"])
        share_ratio = min(1.0, bad / slo["bad"]) if slo and slo["bad"] else 0.0
        return Episode(alert, began, ended, bad, share_ratio, change_before(began, changes))

    async def _counts(self, span: Period, service: str | None = None) -> Any:
        query = {"from": span.since.isoformat(), "to": span.until.isoformat()}
        return await self._get(
            "/api/counts", query if service is None else {**query, "service": service}
        )

    async def _answers(self, name: str) -> list[Row]:
        """Return what the gate answered in the period, newest first, and when it began."""
        found: list[Row] = []
        async for page in self._pages(f"/api/release/{name}/history", {}):
            found += page
            if page and instant(page[-1]["since"]) < self._period.since:
                break
        return found

    def _touches(self, alert: Row) -> bool:
        return instant(alert["started_at"]) <= self._period.until

    @property
    def _since(self) -> str:
        return self._period.since.isoformat()

    @property
    def _until(self) -> str:
        return self._period.until.isoformat()

    async def _all(self, path: str, query: dict[str, str] | None = None) -> list[Row]:
        return [row async for page in self._pages(path, query or {}) for row in page]

    async def _pages(self, path: str, query: dict[str, str]) -> Any:
        """Give the pages of a list, as far as MOST_PAGES."""
        address: str | None = str(httpx.URL(path, params={**query, "limit": PAGE}))
        for _ in range(MOST_PAGES):
            if address is None:
                return
            response = await self._answer(address)
            yield response.json()
            following = response.links.get("next", {}).get("url")
            address = urljoin(address, following) if following else None

    async def _get(self, path: str, query: dict[str, str] | None = None) -> Any:
        return (await self._answer(str(httpx.URL(path, params=query or {})))).json()

    async def _answer(self, address: str) -> httpx.Response:
        try:
            async with self._turn:
                response = await self._client.get(address)
        except httpx.HTTPError as error:
            raise StackError(f"the gateway does not answer: {error!r}") from error
        if response.status_code != HTTPStatus.OK:
            raise StackError(f"{address}: {response.status_code} {response.text[:200]}")
        return response


def _by_service(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["service_name"]].append(row)
    return found
