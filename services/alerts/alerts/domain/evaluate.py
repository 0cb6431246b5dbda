"""One evaluation of a service: what its rules change, and who is to be notified. Pure."""

from collections.abc import Mapping

from msgspec.structs import replace

from alerts.domain import stages, wording
from alerts.domain.conditions import NOTHING, Memory, held_level, is_over, remember
from alerts.domain.configuration import AlertConfiguration
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
from alerts.domain.notifications import NotificationReason
from alerts.domain.readings import Inputs, Readings, read
from alerts.domain.stages import HOLDS, LastNotified, RuleOutcome
from common.alerting.rules import Rule, more_severe


def decide(
    service_name: str,
    state: ServiceState,
    inputs: Inputs,
    configuration: AlertConfiguration,
    moment: Moment,
) -> Decision:
    """Evaluate all rules of a service."""
    return _Evaluation(service_name, state, inputs, configuration, moment).run()


class _Evaluation:
    """Collects the changes on copies of the state."""

    def __init__(
        self,
        service_name: str,
        state: ServiceState,
        inputs: Inputs,
        configuration: AlertConfiguration,
        moment: Moment,
    ) -> None:
        self._name, self._before, self._inputs = service_name, state, inputs
        self._configuration, self._now, self._shard = configuration, moment.now, moment.shard
        self._memories, self._episodes = dict(state.memories), dict(state.episodes)
        self._notified = dict(state.notified)
        self._changed: dict[str, Episode] = {}
        self._risen: set[str] = set()
        self._history: list[tuple[str, Transition]] = []
        self._notifications: list[tuple[str, NotificationReason, tuple[str, ...]]] = []
        self._outcomes: list[RuleOutcome] = []

    def run(self) -> Decision:
        """Follow all conditions before notifying anybody, since episodes inhibit each other."""
        rules = {rule.name: rule for rule in self._configuration.rules_for(self._name)}
        for rule in rules.values():
            self._follow(rule)
        for name in [*self._memories, *self._episodes]:
            if name not in rules:
                self._drop(name)
        for rule_name in sorted(self._episodes):
            self._acknowledge(rule_name)
            self._notify(rules[rule_name], rules)
        after = ServiceState(self._memories, self._episodes, self._notified)
        return Decision(
            self._name,
            self._before,
            after,
            self._changed,
            tuple(self._history),
            tuple(self._notifications),
            tuple(self._outcomes),
        )

    def _follow(self, rule: Rule) -> None:
        """Update the memory and the episode of a rule with what can be read now."""
        episode = self._episodes.get(rule.name)
        readings = read(rule, self._inputs, episode.annotations.get("slo") if episode else None)
        if readings is None:
            self._outcomes.append(RuleOutcome.UNKNOWN)
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
            self._outcomes.append(RuleOutcome.HOLDING if waits else RuleOutcome.NOT_MET)
        self._keep(rule.name, memory)

    def _keep(self, rule_name: str, memory: Memory) -> None:
        if memory.is_empty:
            self._memories.pop(rule_name, None)
        else:
            self._memories[rule_name] = memory

    def _drop(self, rule_name: str) -> None:
        self._memories.pop(rule_name, None)
        if episode := self._episodes.get(rule_name):
            self._resolve(episode, "the rule does not watch the service any more")

    def _open(self, rule: Rule, level: int, readings: Readings) -> None:
        reading, severity = readings[level - 1], rule.levels[level - 1].severity
        message = wording.message(rule, level, self._name, reading, self._inputs)
        owner = self._configuration.owner(self._name)
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
            message=message,
            labels=wording.labels(rule, self._name, severity, owner),
            annotations=wording.annotations(rule, message, reading, self._inputs),
            started_at=self._now,
            updated_at=self._now,
        )
        self._risen.add(rule.name)
        self._store(episode, "firing", message)

    def _escalate(self, rule: Rule, episode: Episode, level: int, readings: Readings) -> None:
        reading = readings[level - 1]
        severity = more_severe(rule.levels[level - 1].severity, episode.severity)
        message = wording.message(rule, level, self._name, reading, self._inputs)
        risen = escalated(
            episode,
            level,
            severity,
            self._now,
            message=message,
            labels={**episode.labels, "severity": severity},
            annotations=wording.annotations(rule, message, reading, self._inputs),
        )
        self._risen.add(rule.name)
        self._store(risen, "escalated", message)

    def _resolve(self, episode: Episode, reason: str) -> None:
        ended = resolved(episode, self._now)
        self._store(ended, "resolved", reason)
        self._outcomes.append(RuleOutcome.RESOLVED)
        if ended.was_notified:
            self._notifications.append((ended.rule, "resolved", ended.channels))
        del self._episodes[ended.rule]

    def _acknowledge(self, rule_name: str) -> None:
        """Apply an acknowledgement to the version that it was made for, and to no other."""
        episode = self._episodes[rule_name]
        made = self._configuration.acknowledgements.get(episode.id)
        if made is None or made.revision <= episode.acknowledgement_revision:
            return
        if made.version != episode.version or episode.state != "firing":
            late = replace(episode, acknowledgement_revision=made.revision, updated_at=self._now)
            self._store(late, "ack_too_late", f"it was made for version {made.version}", made.actor)
            return
        taken = acknowledged(episode, made.actor, made.revision, self._now)
        self._store(taken, "acknowledged", made.comment, made.actor)
        kinds = {name: self._configuration.kind_of(name) for name in taken.channels}
        asked = tuple(name for name, kind in kinds.items() if kind and kind.takes_acknowledgements)
        if asked:
            self._notifications.append((rule_name, "acknowledged", asked))

    def _notify(self, rule: Rule, rules: Mapping[str, Rule]) -> None:
        """Take an open episode through the stages, and send a notification where none holds it."""
        episode = self._episodes[rule.name]
        silenced = stages.silence(episode, self._configuration.silences.values(), self._now)
        if episode.held_by == "silenced" and silenced is None and episode.was_notified:
            episode = replace(episode, notified_level=0)  # it still fires: send a reminder
        outcome = (
            stages.deduplicate(episode)
            or stages.inhibit(episode, self._episodes.values(), rules)
            or silenced
            or stages.cooldown(episode, rule, self._notified.get(rule.name), self._now)
            or RuleOutcome.NOTIFIED
        )
        self._outcomes.append(outcome)
        if outcome is RuleOutcome.NOTIFIED:
            self._send(rule, episode)
        elif outcome in HOLDS:
            self._hold(episode, outcome)
        else:
            held_by = silenced if outcome is RuleOutcome.DUPLICATE else None
            if episode.held_by != held_by:
                held = replace(episode, held_by=held_by, updated_at=self._now)
                self._episodes[rule.name] = self._changed[rule.name] = held

    def _send(self, rule: Rule, episode: Episode) -> None:
        reason = stages.pending(episode) or "firing"
        usable = self._configuration.channels_for(rule)
        channels = tuple(dict.fromkeys((*episode.channels, *usable)))
        sent = replace(
            episode,
            notified_level=episode.level,
            notified_severity=episode.severity,
            notified_at=self._now,
            notices=episode.notices + 1,
            channels=channels,
            held_by=None,
            updated_at=self._now,
        )
        self._notified[rule.name] = LastNotified(self._now, sent.level)
        self._store(sent, "notified", f"{reason}: {', '.join(channels)}")
        self._notifications.append((rule.name, reason, channels))

    def _hold(self, episode: Episode, outcome: RuleOutcome) -> None:
        """Count what is held back: once for each reason, and once for each escalation."""
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
