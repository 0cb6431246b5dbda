"""One evaluation of a service: from what is known and wanted to what changes and is told. Pure."""

from collections.abc import Mapping

from msgspec.structs import replace

from alerts.domain import stages, wording
from alerts.domain.conditions import NOTHING, Memory, held_level, is_over, remember
from alerts.domain.configuration import Intent
from alerts.domain.decision import NOT_YET_STORED, Decision, Moment, ServiceState
from alerts.domain.episodes import (
    SYSTEM,
    Episode,
    Transition,
    TransitionKind,
    acknowledged,
    dedup_key,
    escalated,
    resolved,
)
from alerts.domain.notification import Transition as Tell
from alerts.domain.readings import Inputs, Readings, read
from alerts.domain.stages import HOLDS, Outcome, Told
from common.alerting.channels import CHANNEL_KINDS
from common.alerting.rules import Rule, more_severe


def decide(
    service_name: str, state: ServiceState, inputs: Inputs, intent: Intent, moment: Moment
) -> Decision:
    """Evaluate all rules of a service."""
    return _Evaluation(service_name, state, inputs, intent, moment).run()


class _Evaluation:
    """The changes as they are made, on copies of what is kept."""

    def __init__(
        self,
        service_name: str,
        state: ServiceState,
        inputs: Inputs,
        intent: Intent,
        moment: Moment,
    ) -> None:
        self._name, self._before = service_name, state
        self._inputs, self._intent = inputs, intent
        self._now, self._shard = moment.now, moment.shard
        self._memories = dict(state.memories)
        self._episodes = dict(state.episodes)
        self._told = dict(state.told)
        self._changed: dict[str, Episode] = {}
        self._risen: set[str] = set()
        self._history: list[tuple[str, Transition]] = []
        self._tells: list[tuple[str, Tell, tuple[str, ...]]] = []
        self._outcomes: list[Outcome] = []

    def run(self) -> Decision:
        """Let the conditions pass first, since episodes inhibit each other."""
        rules = {rule.name: rule for rule in self._intent.rules_for(self._name)}
        for rule in rules.values():
            self._follow(rule)
        for name in [*self._memories, *self._episodes]:
            if name not in rules:
                self._drop(name)
        for rule_name in sorted(self._episodes):
            self._acknowledge(rule_name)
            self._notify(rules[rule_name], rules)
        after = ServiceState(self._memories, self._episodes, self._told)
        return Decision(
            self._name,
            self._before,
            after,
            self._changed,
            tuple(self._history),
            tuple(self._tells),
            tuple(self._outcomes),
        )

    def _follow(self, rule: Rule) -> None:
        """Bring a rule's memory and episode up to what can be read now."""
        episode = self._episodes.get(rule.name)
        readings = read(rule, self._inputs, episode.annotations.get("slo") if episode else None)
        if readings is None:
            self._outcomes.append(Outcome.UNKNOWN)
            return
        memory = remember(
            self._memories.get(rule.name, NOTHING), readings, self._now, is_open=episode is not None
        )
        level = held_level(rule, memory, self._now)
        if episode is not None and is_over(rule, memory, self._now):
            self._resolve(episode, "the condition is over")
            memory = replace(memory, cleared_since=None)
        elif episode is None and level:
            self._open(rule, level, readings)
        elif episode is not None and level > episode.level:
            self._escalate(rule, episode, level, readings)
        elif episode is None:
            waits = any(memory.met_since)
            self._outcomes.append(Outcome.HOLDING if waits else Outcome.NOT_MET)
        self._keep(rule.name, memory)

    def _keep(self, rule_name: str, memory: Memory) -> None:
        if memory.is_empty:
            self._memories.pop(rule_name, None)
        elif memory != self._memories.get(rule_name):
            self._memories[rule_name] = memory

    def _drop(self, rule_name: str) -> None:
        self._memories.pop(rule_name, None)
        episode = self._episodes.get(rule_name)
        if episode is not None:
            self._resolve(episode, "the rule does not watch the service any more")

    def _open(self, rule: Rule, level: int, readings: Readings) -> None:
        reading, severity = readings[level - 1], rule.levels[level - 1].severity
        sentence = wording.message(rule, level, self._name, reading, self._inputs)
        owner = self._intent.owner(self._name)
        episode = Episode(
            id=NOT_YET_STORED,
            shard=self._shard,
            service_name=self._name,
            rule=rule.name,
            dedup_key=dedup_key(self._name, rule.name, self._now),
            state="firing",
            version=1,
            level=level,
            severity=severity,
            message=sentence,
            labels=wording.labels(rule, self._name, severity, owner),
            annotations=wording.annotations(rule, sentence, reading, self._inputs),
            started_at=self._now,
            updated_at=self._now,
        )
        self._risen.add(rule.name)
        self._store(episode, "firing", sentence)

    def _escalate(self, rule: Rule, episode: Episode, level: int, readings: Readings) -> None:
        reading = readings[level - 1]
        severity = more_severe(rule.levels[level - 1].severity, episode.severity)
        sentence = wording.message(rule, level, self._name, reading, self._inputs)
        risen = replace(
            escalated(episode, level, severity, self._now),
            message=sentence,
            labels={**episode.labels, "severity": severity},
            annotations=wording.annotations(rule, sentence, reading, self._inputs),
        )
        self._risen.add(rule.name)
        self._store(risen, "escalated", sentence)

    def _resolve(self, episode: Episode, reason: str) -> None:
        ended = resolved(episode, self._now)
        self._store(ended, "resolved", reason)
        self._outcomes.append(Outcome.RESOLVED)
        if ended.was_told:
            self._tells.append((ended.rule, "resolved", ended.channels))
        del self._episodes[ended.rule]

    def _acknowledge(self, rule_name: str) -> None:
        """Apply an acknowledgement to the version that it was made for, and to no other."""
        episode = self._episodes[rule_name]
        wish = self._intent.acknowledgements.get(episode.id)
        if wish is None or wish.revision <= episode.acknowledgement_revision:
            return
        if wish.version != episode.version or episode.state != "firing":
            late = replace(episode, acknowledgement_revision=wish.revision, updated_at=self._now)
            self._store(late, "ack_too_late", f"it was made for version {wish.version}", wish.actor)
            return
        taken = acknowledged(episode, wish.actor, wish.revision, self._now)
        self._store(taken, "acknowledged", wish.comment, wish.actor)
        kinds = {name: CHANNEL_KINDS.get(self._intent.kind_of(name)) for name in taken.channels}
        asked = tuple(name for name, kind in kinds.items() if kind and kind.takes_acknowledgements)
        if asked:
            self._tells.append((rule_name, "acknowledged", asked))

    def _notify(self, rule: Rule, rules: Mapping[str, Rule]) -> None:
        """Take an open episode through the stages, and tell of it where none holds it."""
        episode = self._episodes[rule.name]
        silenced = stages.silence(episode, self._intent.silences.values(), self._now)
        if episode.held_by == "silenced" and silenced is None and episode.was_told:
            episode = replace(episode, notified_level=0)  # it still fires: say so again
        outcome = (
            stages.deduplicate(episode)
            or stages.inhibit(episode, self._episodes.values(), rules)
            or silenced
            or stages.cooldown(episode, rule, self._told.get(rule.name), self._now)
            or Outcome.NOTIFIED
        )
        self._outcomes.append(outcome)
        if outcome is Outcome.NOTIFIED:
            self._tell(rule, episode)
        elif outcome in HOLDS:
            self._hold(episode, outcome)
        else:
            held_by = silenced if outcome is Outcome.DUPLICATE else None
            if episode.held_by != held_by:
                held = replace(episode, held_by=held_by, updated_at=self._now)
                self._episodes[rule.name] = self._changed[rule.name] = held

    def _tell(self, rule: Rule, episode: Episode) -> None:
        why = stages.owed(episode) or "firing"
        channels = tuple(dict.fromkeys((*episode.channels, *self._intent.channels_of(rule))))
        told = replace(
            episode,
            notified_level=episode.level,
            notified_severity=episode.severity,
            notified_at=self._now,
            notices=episode.notices + 1,
            channels=channels,
            held_by=None,
            updated_at=self._now,
        )
        self._told[rule.name] = Told(self._now, told.level)
        self._store(told, "notified", f"{why}: {', '.join(channels)}")
        self._tells.append((rule.name, why, channels))

    def _hold(self, episode: Episode, outcome: Outcome) -> None:
        """Count what is held back: once for each reason, and once for each rise."""
        if episode.held_by == outcome and episode.rule not in self._risen:
            return
        held = replace(
            episode,
            held_by=outcome.value,
            held_back=episode.held_back + 1,
            updated_at=self._now,
        )
        self._store(held, "held_back", outcome.value)

    def _store(
        self, episode: Episode, kind: TransitionKind, reason: str, actor: str = SYSTEM
    ) -> None:
        self._episodes[episode.rule] = self._changed[episode.rule] = episode
        line = Transition(kind, episode.version, self._now, actor, reason)
        self._history.append((episode.rule, line))
