"""The history says of each instant what the gate answered then, whatever happened meanwhile.

The real gate decides on the real tables and the real application answers; only time is made, and
what the broker would carry is handed on.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest

from api_gateway.catalog.service import Catalog
from api_gateway.release.domain import ProposedChange
from api_gateway.release.schemas import ReleaseAnswer
from api_gateway.release.service import ReleaseService
from common.events import ChangeClass, GateDecision, ShardHeartbeat
from common.kafka.sharding import shard_of
from common.kafka.topics import CATALOG, POLICIES
from common.ledger.dlq_limit import DlqLimits
from common.ledger.ledger import ShardLedger
from common.ledger.shard import Ownership
from common.policy.files import read_policies
from common.slo.vocabulary import RiskLevel
from gate.deciding import Decider
from gate.domain.configuration import GateConfiguration
from gate.handlers import configuration_handler
from gate.settings import GateSettings
from gate.work import GateWork
from tests.support.consumer_runtime import consumer_runtime
from tests.support.gate_inputs import SERVICE, at_level, snapshot
from tests.support.gateway.harness import GatewayHarness
from tests.support.kafka_records import record

STEPS, ASKED_IN_A_STEP = 250, 4
SHARDS = 4
SHARD = shard_of(SERVICE, SHARDS)
PATH = f"/api/release/{SERVICE}"
CLASSES: tuple[ChangeClass, ...] = ("feature", "fix", "rollback")
ASKED = [(name, version) for name in CLASSES for version in (None, "1.42.1")]
STARTED = """INSERT INTO gate.shard (shard, epoch, owner) VALUES (:shard, 1, 'test')
    ON CONFLICT (shard) DO UPDATE SET epoch = gate.shard.epoch + 1"""


class GateOnTables:
    """The gate of one shard, on the gateway's database and clock."""

    def __init__(self, gateway: GatewayHarness) -> None:
        self.gateway, self.seen = gateway, 0
        self.owned: dict[int, Ownership] = {}
        self.configuration = GateConfiguration(read_policies([]))

    async def start(self) -> None:
        """Begin, or begin again: what was in memory is gone."""
        await self.gateway.database.run(STARTED, {"shard": SHARD})
        epoch = self.owned[SHARD].epoch + 1 if SHARD in self.owned else 1
        self.owned[SHARD] = Ownership(epoch, "cluster", {}, {})
        runtime = consumer_runtime(
            "gate",
            SHARDS,
            database=self.gateway.database,
            publisher=self,
            clock=lambda: self.gateway.now[0],
        )
        work = GateWork(runtime, DlqLimits())
        async with self.gateway.database.write() as session:
            await work.load(session, SHARD)
        self.view = work.views[SHARD]
        ledger = cast("ShardLedger", self)
        self.decider = Decider(GateSettings(), runtime, ledger, work, self.configuration)

    async def send_all(self, records: Sequence[tuple[str, bytes, bytes, int, Any]]) -> None:
        for _, value, _, _, _ in records:
            await self.gateway.feed(msgspec.json.decode(value, type=GateDecision))

    def hear(self, rng: random.Random) -> None:
        """Take what burnrate might say now."""
        now = self.gateway.now[0]
        self.view.on_burn_rate(ShardHeartbeat(SHARD, 1, now, now, 1), now)
        if rng.random() < 0.2:
            level = rng.choice([*RiskLevel])
            shot = snapshot([at_level(level, spent=rng.random() < 0.2)], at=now)
            self.view.on_burn_rate(shot, now)

    async def read(self) -> None:
        """Take what users have set since, as the topics would bring it."""
        rows = await self.gateway.database.rows(
            "SELECT id, topic, value FROM catalog.outbox WHERE id > :seen ORDER BY id",
            seen=self.seen,
        )
        take = configuration_handler(self.configuration, self.decider.touch)
        kept = [row for row in rows if row.topic in {CATALOG.name, POLICIES.name}]
        await take([record(row.topic, row.value) for row in kept])
        self.seen = max([self.seen, *(row.id for row in rows)])


@dataclass
class Said:
    """What GET answered at an instant."""

    at: datetime
    answer: dict[str, Any]


class Users:
    """What people and pipelines may do to the gate, at random."""

    def __init__(self, gateway: GatewayHarness, rng: random.Random) -> None:
        self.gateway, self.rng, self.passed = gateway, rng, dict[int, int]()

    async def act(self) -> None:
        chance = self.rng.random()
        if chance < 0.15:
            await self._override()
        elif chance < 0.45:
            await self._check()
        elif chance < 0.5:
            await self._revoke()
        elif chance < 0.54:
            await self._edit()

    async def _override(self) -> None:
        rng, decision = self.rng, self.rng.choice(("ALLOW", "ALLOW", "WARN", "BLOCK"))
        body = {
            "actor": rng.choice(("ana", "cyd")),
            "reason": "hotfix for the payment outage",
            "decision": decision,
            "expires_in_minutes": rng.choice((0.1, 0.5, 2, 5)),
            "change_class": rng.choice((None, *CLASSES)),
            "version": rng.choice((None, None, "1.42.1")),
            "max_uses": None if decision == "BLOCK" else rng.choice((None, 1, 1, 2)),
        }
        response = await self.gateway.write("POST", f"{PATH}/override", body)
        assert response.status_code in {201, 202}, response.text

    async def _check(self) -> None:
        change_class, version = self.rng.choice(ASKED)
        query = f"change_class={change_class}" + (f"&version={version}" if version else "")
        response = await self.gateway.write("POST", f"{PATH}/check?{query}")
        body = response.json()
        if body["overridden"] and body["allowed"]:
            number = body["override"]["id"]
            self.passed[number] = self.passed.get(number, 0) + 1

    async def _revoke(self) -> None:
        found = await self.gateway.get(f"{PATH}/override", limit="1")
        for one in found:
            why = {"actor": "boris", "reason": "the outage is over"}
            await self.gateway.write("DELETE", f"{PATH}/override/{one['id']}", why)

    async def _edit(self) -> None:
        risk = {"DANGER": self.rng.choice(("WARN", "BLOCK")), "OBSERVE": "WARN"}
        body = {
            "actor": "cyd",
            "reason": "the auditors want it",
            "document": {"risk": risk, "on_unknown": {"1": self.rng.choice(("WARN", "BLOCK"))}},
        }
        response = await self.gateway.write("PUT", "/api/policies/default", body)
        assert response.status_code == 200, response.text


async def history(gateway: GatewayHarness, change_class: str, version: str | None) -> list[Any]:
    query = f"limit=60&change_class={change_class}" + (f"&version={version}" if version else "")
    path, found = f"{PATH}/history?{query}", []
    while path:
        response = await gateway.client.get(path)
        assert response.status_code == 200, response.text
        found += response.json()
        path = response.links.get("next", {}).get("url", "")
    return found


def meaning(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer says, but for its figures and how often its override was used."""
    override = answer["override"]
    who = None if override is None else [override[k] for k in ("id", "actor", "expires_at")]
    names = ("decision", "allowed", "overridden", "decision_id", "risk_level", "change_class")
    codes = {(reason["code"], reason["slo"]) for reason in answer["reasons"]}
    return {**{name: answer[name] for name in names}, "override": who, "reasons": codes}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def course(gateway: GatewayHarness, rng: random.Random) -> tuple[list[Said], Users]:
    """Let time pass, with whatever may happen; return what was answered meanwhile."""
    await gateway.service()
    gate, users, said = GateOnTables(gateway), Users(gateway, rng), list[Said]()
    await gate.start()
    silent_until = gateway.now[0]
    for _ in range(STEPS):
        gateway.now[0] += timedelta(seconds=rng.choice((0.25, 1, 1, 3, 9)))
        await users.act()
        gate.hear(rng)
        await gate.read()
        if rng.random() < 0.04:
            silent_until = gateway.now[0] + timedelta(seconds=rng.uniform(5, 120))
            if rng.random() < 0.5:
                await gate.start()
        if gateway.now[0] >= silent_until:
            await gate.decider.tick()
        for place, asked in enumerate(rng.sample(ASKED, ASKED_IN_A_STEP)):
            said.append(await answer(gateway, *asked, over_http=place == 0))
            gateway.now[0] += timedelta(seconds=rng.choice((0, 0.125, 2)))
    gateway.now[0] += timedelta(minutes=1)
    said += [await answer(gateway, name, None, over_http=True) for name in CLASSES]
    return said, users


async def answer(
    gateway: GatewayHarness, change_class: ChangeClass, version: str | None, *, over_http: bool
) -> Said:
    """Return what is answered now; most are asked of the operation itself, which is faster."""
    now = gateway.now[0]
    if over_http:
        query = {"change_class": change_class} | ({"version": version} if version else {})
        return Said(now, await gateway.get(PATH, **query))
    service = await gateway.of(Catalog).service(SERVICE)
    change = ProposedChange(change_class, version)
    found = await gateway.of(ReleaseService).answer(service, change, now)
    return Said(now, ReleaseAnswer.of(found).model_dump(mode="json"))


@pytest.mark.parametrize("gateway_settings", [{"override_visible_seconds": 0.001}], indirect=True)
async def test_the_history_says_of_each_instant_what_the_gate_answered_then(
    gateway: GatewayHarness,
) -> None:
    said, users = await course(gateway, random.Random(16))
    kinds = {(s.answer["decision"], s.answer["overridden"]) for s in said}
    assert len(kinds) >= 6, "the course says too little"
    assert any(s.answer["reasons"][0]["code"] == "decision_expired" for s in said)
    assert sum(users.passed.values()) >= 10
    for change_class, version in ASKED:
        entries = await history(gateway, change_class, version)
        for newer, older in pairwise(entries):
            assert older["until"] == newer["since"]
        mine = [s for s in said if s.answer["change_class"] == change_class]
        for one in (s for s in mine if s.answer["version"] == version):
            holding = [e for e in entries if instant(e["since"]) <= one.at < ended(e)]
            found = [meaning(entry) for entry in holding]
            assert found == ([meaning(one.answer)] if one.answer["decision_id"] else []), one.at
        for entry in entries:
            if entry["overridden"]:
                assert entry["override"]["uses"] == users.passed.get(entry["override"]["id"], 0)


def ended(entry: dict[str, Any]) -> datetime:
    until = entry["until"]
    return datetime.max.replace(tzinfo=UTC) if until is None else instant(until)
