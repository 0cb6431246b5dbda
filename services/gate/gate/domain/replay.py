"""A decision made again from what is stored of it. Pure."""

from dataclasses import dataclass

from common.events import GateDecision, Verdict
from gate.domain.evaluate import evaluate
from gate.domain.records import DecisionRecord, Stamp, published


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored decision beside what its inputs come to now."""

    stored: GateDecision
    again: GateDecision

    @property
    def is_same(self) -> bool:
        """Whether nothing at all differs."""
        return self.stored == self.again

    def differing(self) -> list[tuple[Verdict | None, Verdict | None]]:
        """Return the verdicts that differ, as stored and as made again; None: there is none."""
        stored, again = self.stored.verdicts, self.again.verdicts
        count = max(len(stored), len(again))
        pairs = zip(_filled(stored, count), _filled(again, count), strict=True)
        return [(first, second) for first, second in pairs if first != second]


def replay(record: DecisionRecord) -> Replay:
    """Decide again on stored inputs by the policy of then."""
    stored = record.decision
    stamp = Stamp(
        stored.shard, stored.epoch, stored.decision_id, stored.expires_at - stored.evaluated_at
    )
    outcome = evaluate(record.policy, record.inputs)
    return Replay(stored, published(record.policy, record.inputs, outcome, stamp, None))


def _filled(verdicts: tuple[Verdict, ...], count: int) -> list[Verdict | None]:
    return [*verdicts, *([None] * (count - len(verdicts)))]
