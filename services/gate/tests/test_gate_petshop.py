"""A real web shop's outage as it unfolds: what the gate would have said, minute by minute.

Burnrate's own evaluator and the gate's own rules run on one accelerated clock.
"""

import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from common.decisions.evaluate import evaluate
from common.events import GateDecision, MetricEvent, ServiceChanged, Verdict
from common.kafka.sharding import shard_of
from common.policy.model import Policy
from common.slo.freshness import SHARD_SILENCE_SECONDS
from gate.domain.configuration import GateConfiguration
from gate.domain.records import Stamp, decision_id, published
from gate.domain.shard_view import ShardView
from tests.reference.evaluator import SHARDS, BurnrateProcess, target_changed
from tests.support.flow import convert_petshop
from tests.support.gate_inputs import policy

VARIABLE = "BURNLINE_PETSHOP_CSV"
SERVICE = "petsite"
SHARD = shard_of(SERVICE, SHARDS)
STEP = timedelta(minutes=5)
LOOK_SECONDS = 60.0
SILENT_SECONDS = SHARD_SILENCE_SECONDS


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[MetricEvent]:
    metrics = os.environ.get(VARIABLE)
    if not metrics:
        pytest.skip(f"{VARIABLE} does not name the PetShop file")
    file = convert_petshop(Path(metrics), tmp_path_factory.mktemp("petshop") / "events.ndjson")
    decoder = msgspec.json.Decoder(MetricEvent)
    found = [decoder.decode(line) for line in file.read_bytes().splitlines()]
    return sorted((e for e in found if e.service == SERVICE), key=lambda event: event.timestamp)


class Gate:
    """One shard of the gate, fed by an evaluator of burnrate on the same clock."""

    def __init__(self, began_at: datetime, rules: Policy) -> None:
        self.process = BurnrateProcess()
        self.process.catalog.apply(
            target_changed(SERVICE, 1, name="availability", objective="0.999")
        )
        self.process.now = began_at
        self.process.acquire(SHARD)
        self._view, self._configuration = ShardView(), GateConfiguration([rules])
        self._configuration.on_service(
            ServiceChanged(1, 1, SERVICE, 1, "team", None, retired=False)
        )

    async def look(self, seconds: float) -> GateDecision:
        """Let time pass, and decide on what burnrate has said by then."""
        ticked = await self.process.tick(seconds)
        now = self.process.now
        for message, _, _ in ticked.sent:
            self._view.on_burn_rate(message, now)
        rules = self._configuration.policy_for(SERVICE)
        inputs = self._view.inputs(SERVICE, self._configuration, SILENT_SECONDS, now)
        stamp = Stamp(SHARD, 1, decision_id(now, bytes(10)), timedelta(seconds=30))
        before = self._view.decisions.get(SERVICE)
        decision = published(rules, inputs, evaluate(rules, inputs), stamp, before)
        self._view.decisions[SERVICE] = decision
        return decision


async def unfolding(events: list[MetricEvent], rules: Policy) -> AsyncIterator[GateDecision]:
    """Give a decision for each minute: each report comes when its five minutes are over."""
    gate = Gate(events[0].timestamp - STEP, rules)
    for event in events:
        while gate.process.now + timedelta(seconds=LOOK_SECONDS) < event.timestamp:
            yield await gate.look(LOOK_SECONDS)
        gate.process.now = event.timestamp
        gate.process.count(event)
        yield await gate.look(1.0)


def verdict(decision: GateDecision, change: str) -> Verdict:
    [found] = [v for v in decision.verdicts if v.change_class == change]
    return found


def turns(decisions: list[GateDecision]) -> list[GateDecision]:
    """Return the decisions that said something new."""
    pairs = zip([None, *decisions], decisions, strict=False)
    return [d for before, d in pairs if before is None or d.decision_id != before.decision_id]


def shown(decision: GateDecision) -> tuple[str, str, str, str]:
    feature, fix = verdict(decision, "feature"), verdict(decision, "fix")
    return f"{decision.decided_at:%d %H:%M:%S}", decision.risk_level, feature.decision, fix.decision


def blocks(decisions: list[GateDecision], change: str) -> int:
    """Return how often a block began."""
    found = [verdict(decision, change).decision for decision in decisions]
    return sum(now == "BLOCK" != before for before, now in pairwise(["ALLOW", *found]))


STEADY = policy(hysteresis={"burn_rate_below": 1.0, "min_block_minutes": 60})
OUTAGE = [
    # when, risk, features, fixes; the budget was spent two days before
    ("23 05:45:01", "OBSERVE", "BLOCK", "ALLOW"),
    ("23 05:50:01", "FREEZE", "BLOCK", "BLOCK"),
    ("23 07:05:01", "DANGER", "BLOCK", "WARN"),
    ("23 07:45:01", "FREEZE", "BLOCK", "BLOCK"),
    ("23 07:55:01", "DANGER", "BLOCK", "WARN"),
]


async def test_the_outage_blocks_within_a_second_of_its_report_and_says_why(
    events: list[MetricEvent],
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    found = [decision async for decision in unfolding(events, policy())]
    sequence = turns(found)
    with capsys.disabled():
        writer = pytestconfig.get_terminal_writer()
        writer.line("\nday time     risk    feature fix")
        for at, risk, feature, fix in map(shown, sequence):
            if "23 04:30" < at < "23 09:00":
                writer.line(f"{at} {risk:7} {feature:7} {fix}")
    during = [shown(turn) for turn in sequence if "23 05:40" < shown(turn)[0] < "23 08:00"]
    assert during == OUTAGE
    outage = next(turn for turn in sequence if shown(turn)[0] == "23 05:50:01")
    codes = [reason.code for reason in verdict(outage, "feature").reasons]
    assert codes == ["risk_freeze", "budget_exhausted"]
    rate, spent = verdict(outage, "feature").reasons
    assert rate.observed == pytest.approx(207, abs=0.5)
    assert spent.observed == pytest.approx(-3.4, abs=0.2)
    assert spent.threshold == 0


async def test_the_gate_knows_nothing_before_the_first_report_and_when_they_end(
    events: list[MetricEvent],
) -> None:
    gate = Gate(events[0].timestamp - STEP, policy())
    first = await gate.look(60.0)
    assert (verdict(first, "feature").decision, first.data_status) == ("UNKNOWN", "no_data")
    gate.process.now = events[0].timestamp
    gate.process.count(events[0])
    assert (await gate.look(1.0)).data_status == "ok"
    # two reports of five minutes are the shortest window; after three, what is known is stale
    later = [await gate.look(60.0) for _ in range(15)]
    assert [d.data_status for d in later] == [*["ok"] * 9, *["no_traffic"] * 5, "stale"]
    assert "stale" in [reason.code for reason in verdict(later[-1], "fix").reasons]


async def test_hysteresis_blocks_as_early_and_flaps_less(events: list[MetricEvent]) -> None:
    plain = [decision async for decision in unfolding(events, policy())]
    steady = [decision async for decision in unfolding(events, STEADY)]
    for first, second in zip(plain, steady, strict=True):
        if verdict(first, "fix").decision == "BLOCK":
            assert verdict(second, "fix").decision == "BLOCK"
    assert (blocks(plain, "feature"), blocks(plain, "fix")) == (1, 48)
    assert (blocks(steady, "feature"), blocks(steady, "fix")) == (1, 13)
