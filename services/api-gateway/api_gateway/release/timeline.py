"""What the gate answered from when until when: stored decisions and the overrides' rows. Pure.

An answer is made of the newest decision, of the overrides that its rows say are in force, and of
how old the decision is. All three are known of every moment that is past, so what was answered
then is made again by the same function.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from api_gateway.catalog.domain import Service
from api_gateway.policy.domain import Override, counts_until
from api_gateway.release.domain import ProposedChange, Release, release_of
from common.events import GateDecision

_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PastDecision:
    """A stored decision; `previous_until` is when the one before it had expired, if it had."""

    decision: GateDecision
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What the gate answered from `since` on; `until` None: it still does."""

    decision: GateDecision
    release: Release
    override: Override | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """For which change, and when; `known_until` is when the newest decision expires, if known."""

    service: Service
    change: ProposedChange
    now: datetime
    known_until: datetime | None


def answered(
    past: Sequence[PastDecision], overrides: Mapping[int, Override], asked: Asked
) -> Iterator[Answered]:
    """Yield what was answered, newest first, of decisions newest first without a gap.

    Each answer ends where the next one begins.
    """
    until, known_until = None, asked.known_until
    for one in past:
        yield from reversed(_answers(one.decision, overrides, asked, until, known_until))
        at = one.decision.decided_at
        until = at if until is None else min(at, until)
        # what was stored while nobody could learn of it ended no silence
        still_silent = known_until if known_until is not None and known_until <= at else None
        known_until = one.previous_until or still_silent


def _answers(
    decision: GateDecision,
    overrides: Mapping[int, Override],
    asked: Asked,
    until: datetime | None,
    known_until: datetime | None,
) -> list[Answered]:
    """Return what was answered by one decision, oldest first; it ends with `until`."""
    named = {v.override_id for v in decision.verdicts}
    rows = {number: row for number, row in overrides.items() if number in named}
    ends = {counts_until(row) for row in rows.values()} | {known_until or _FOR_EVER}
    begins = decision.decided_at
    cuts = [at for at in ends if begins < at and (at <= asked.now if until is None else at < until)]
    found: list[Answered] = []
    for since in sorted({begins, *cuts}) if until is None or begins < until else ():
        release = _release_at(since, decision, rows, asked, known_until)
        if release is None:
            continue
        if found:
            if _meaning(found[-1].release) == _meaning(release):
                continue
            found[-1] = _ending(found[-1], since)
        override = rows.get(release.override_id or 0)
        found.append(Answered(decision, release, override, since, until))
    return found


def _release_at(
    at: datetime,
    decision: GateDecision,
    overrides: Mapping[int, Override],
    asked: Asked,
    known_until: datetime | None,
) -> Release | None:
    lifetime = decision.expires_at - decision.evaluated_at
    expires_at = known_until or _FOR_EVER
    confirmed = replace(decision, evaluated_at=expires_at - lifetime, expires_at=expires_at)
    in_force = [number for number, row in overrides.items() if at < counts_until(row)]
    return release_of(confirmed, asked.change, asked.service, in_force, at)


def _meaning(release: Release) -> tuple[object, ...]:
    codes = tuple(reason.code for reason in release.reasons)
    return release.decision, release.allowed, release.override_id, codes


def _ending(answer: Answered, at: datetime) -> Answered:
    return Answered(answer.decision, answer.release, answer.override, answer.since, at)
