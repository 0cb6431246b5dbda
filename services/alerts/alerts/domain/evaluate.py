"""One evaluation of a service: what its rules change, and who is to be notified. Pure."""

from collections.abc import Mapping

from msgspec.structs import replace

from alerts.domain import stages, wording
from alerts.domain.conditions import NOTHING, held_level, is_over, remember
from alerts.domain.configuration import AlertConfiguration
from alerts.domain.decision import NOT_YET_STORED, Decision, Moment, ServiceState
from alerts.domain.episodes import (
    SYSTEM,
    AlertKey,
    Episode,
    Transition,
    TransitionKind,
    acknowledged,
    dedup_key,
    escalated,
    resolved,
)
from alerts.domain.notifications import NotificationReason
from alerts.domain.stages import HOLDS, LastNotified, RuleOutcome
from common.alerting.rules import Rule, more_severe
from common.decisions.readings import SERVICE, Inputs, Readings, is_gone, read
from common.events import AlertAcknowledged, AlertFigures, SloStatus
from common.slo.vocabulary import RiskLevel


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
        self._readings: dict[AlertKey, Readings] = {}
        self._changed: dict[AlertKey, Episode] = {}
        self._risen: set[AlertKey] = set()
        self._history: list[tuple[AlertKey, Transition]] = []
        self._notifications: list[tuple[AlertKey, NotificationReason, tuple[str, ...]]] = []
        self._outcomes: list[RuleOutcome] = []

    def run(self) -> Decision:
        """Follow all conditions before notifying anybody, since episodes inhibit each other."""
        rules = {rule.name: rule for rule in self._configuration.rules_for(self._name)}
        for rule in rules.values():
            self._follow(rule)
        for key in {*self._memories, *self._episodes} - self._readings.keys():
            self._follow_unread(key, rules)
        for key in sorted(self._episodes):
            self._acknowledge(key)
            self._notify(key, rules[key.rule], rules)
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
        """Follow a rule on everything that can be read now."""
        found = read(rule, self._inputs)
        if not found:
            self._outcomes.append(RuleOutcome.UNKNOWN)
        for slo, readings in found.items():
            is_quiet = not any(reading.met for reading in readings)
            if is_quiet and not self._memories and not self._episodes:
                self._outcomes.append(RuleOutcome.NOT_MET)  # as nearly always: nothing to follow
                continue
            key = AlertKey(rule.name, slo)
            self._readings[key] = readings
            self._follow_condition(key, rule, readings)

    def _follow_condition(self, key: AlertKey, rule: Rule, readings: Readings) -> None:
        """Update the memory and the episode of a rule on an objective."""
        episode = self._episodes.get(key)
        memory = self._memories.get(key, NOTHING)
        memory = remember(memory, readings, self._now, is_open=episode is not None)
        level = held_level(rule, memory, self._now)
        if episode is not None and is_over(rule, memory, self._now):
            self._resolve(self._described(rule, episode, readings), "the condition is over")
            memory = replace(memory, cleared_since=None)
        elif episode is None and level:
            self._open(key, rule, level, readings)
        elif episode is not None and level > episode.level:
            self._escalate(rule, episode, level, readings)
        elif episode is None:
            waits = any(memory.met_since)
            self._outcomes.append(RuleOutcome.HOLDING if waits else RuleOutcome.NOT_MET)
        if memory.is_empty:
            self._memories.pop(key, None)
        else:
            self._memories[key] = memory

    def _follow_unread(self, key: AlertKey, rules: Mapping[str, Rule]) -> None:
        """Keep what cannot be read now; end what will never be read again."""
        rule = rules.get(key.rule)
        if rule is None:
            reason = "the rule does not watch the service any more"
        elif is_gone(rule, key.slo, self._inputs):
            reason = "the service does not have the objective any more"
        else:
            return
        self._memories.pop(key, None)
        if episode := self._episodes.get(key):
            self._resolve(episode, reason)

    def _open(self, key: AlertKey, rule: Rule, level: int, readings: Readings) -> None:
        severity, slo = rule.levels[level - 1].severity, readings[level - 1].slo
        message = self._message(rule, level, readings)
        owner, snapshot = self._configuration.owner(self._name), self._inputs.snapshot
        objective = self._inputs.objectives.get(slo or SERVICE)
        episode = Episode(
            id=NOT_YET_STORED,
            shard=self._shard,
            service_name=self._name,
            rule=rule.name,
            slo=slo,
            dedup_key=dedup_key(self._name, key, self._now),
            state="firing",
            version=1,
            level=level,
            severity=severity,
            message=message,
            labels=wording.labels(rule, self._name, severity, owner, slo),
            annotations=wording.annotations(rule, message, slo, self._inputs),
            started_at=self._now,
            updated_at=self._now,
            figures_at_firing=AlertFigures.of(snapshot, slo) if snapshot else None,
            explained_level=objective.risk_level if objective else None,
        )
        self._risen.add(key)
        self._store(episode, "firing", message)

    def _escalate(self, rule: Rule, episode: Episode, level: int, readings: Readings) -> None:
        severity = more_severe(rule.levels[level - 1].severity, episode.severity)
        labels = {**episode.labels, "severity": severity}
        risen = escalated(episode, level, severity, self._now, labels=labels)
        self._risen.add(episode.key)
        risen = self._described(rule, risen, readings)
        self._store(risen, "escalated", risen.message)

    def _described(self, rule: Rule, episode: Episode, readings: Readings) -> Episode:
        """Return the episode with a message and annotations of the figures now."""
        message = self._message(rule, episode.level, readings)
        annotations = wording.annotations(rule, message, episode.slo, self._inputs)
        return replace(episode, message=message, annotations=annotations)

    def _message(self, rule: Rule, level: int, readings: Readings) -> str:
        return wording.message(rule, level, self._name, readings[level - 1], self._inputs)

    def _resolve(self, episode: Episode, reason: str) -> None:
        ended = resolved(episode, self._now)
        self._store(ended, "resolved", reason)
        self._outcomes.append(RuleOutcome.RESOLVED)
        if ended.was_notified:
            self._notifications.append((ended.key, "resolved", ended.channels))
        del self._episodes[ended.key]

    def _acknowledge(self, key: AlertKey) -> None:
        """Apply an acknowledgement to the version that it was made for, and to no other."""
        episode = self._episodes[key]
        made = self._configuration.acknowledgements.get(episode.id)
        if made is None or made.revision <= episode.acknowledgement_revision:
            return
        if made.version != episode.version or episode.state != "firing":
            late = replace(episode, acknowledgement_revision=made.revision, updated_at=self._now)
            self._store(late, "ack_too_late", f"it was made for version {made.version}", made)
            return
        taken = acknowledged(episode, made, self._now)
        self._store(taken, "acknowledged", made.comment, made)
        kinds = {name: self._configuration.kind_of(name) for name in taken.channels}
        asked = tuple(name for name, kind in kinds.items() if kind and kind.takes_acknowledgements)
        if asked:
            self._notifications.append((key, "acknowledged", asked))

    def _notify(self, key: AlertKey, rule: Rule, rules: Mapping[str, Rule]) -> None:
        """Take an open episode through the stages, and send a notification where none holds it."""
        objective = self._inputs.objectives.get(key.slo)
        risk_level = objective.risk_level if objective else None
        episode = self._lower_explained_level(key, risk_level)
        silenced = stages.silence(episode, self._configuration.silences.values(), self._now)
        if episode.held_by == "silenced" and silenced is None and episode.was_notified:
            episode = replace(episode, notified_level=0)  # it still fires: send a reminder
        grown = stages.has_grown(episode, rule, objective, self._now)
        reason = stages.pending(episode, grown=grown)
        outcome = (
            stages.deduplicate(episode, reason)
            or stages.inhibit(episode, self._episodes.values(), rules, risk_level)
            or silenced
            or stages.cooldown(episode, rule, self._notified.get(key), self._now)
            or RuleOutcome.NOTIFIED
        )
        self._outcomes.append(outcome)
        if outcome is RuleOutcome.NOTIFIED:
            self._send(rule, episode, reason or "firing", objective)
        elif outcome in HOLDS:
            self._hold(episode, outcome)
        else:
            held_by = silenced if outcome is RuleOutcome.DUPLICATE else None
            if episode.held_by != held_by:
                self._keep(replace(episode, held_by=held_by, updated_at=self._now))

    def _lower_explained_level(self, key: AlertKey, risk_level: RiskLevel | None) -> Episode:
        """Let an episode explain no more than the level that its objective has fallen to."""
        episode = self._episodes[key]
        known = episode.explained_level
        if risk_level is None or (known is not None and not stages.is_above(known, risk_level)):
            return episode
        return self._keep(replace(episode, explained_level=risk_level, updated_at=self._now))

    def _send(
        self, rule: Rule, episode: Episode, reason: NotificationReason, slo: SloStatus | None
    ) -> None:
        if readings := self._readings.get(episode.key):
            episode = self._described(rule, episode, readings)
        usable = self._configuration.channels_for(rule)
        channels = tuple(dict.fromkeys((*episode.channels, *usable)))
        sent = replace(
            episode,
            notified_level=episode.level,
            notified_severity=episode.severity,
            notified_at=self._now,
            notified_burn_rate=slo.composite_burn_rate if slo else episode.notified_burn_rate,
            explained_level=slo.risk_level if slo else episode.explained_level,
            notices=episode.notices + 1,
            channels=channels,
            held_by=None,
            updated_at=self._now,
        )
        self._notified[episode.key] = LastNotified(self._now, sent.level)
        self._store(sent, "notified", f"{reason}: {', '.join(channels)}")
        self._notifications.append((episode.key, reason, channels))

    def _hold(self, episode: Episode, outcome: RuleOutcome) -> None:
        """Count what is held back: once for each reason, and once for each escalation."""
        if episode.held_by == outcome and episode.key not in self._risen:
            return
        held = replace(
            episode,
            held_by=outcome.value,
            held_back=episode.held_back + 1,
            updated_at=self._now,
        )
        self._store(held, "held_back", outcome.value)

    def _keep(self, episode: Episode) -> Episode:
        self._episodes[episode.key] = self._changed[episode.key] = episode
        return episode

    def _store(
        self,
        episode: Episode,
        kind: TransitionKind,
        reason: str,
        by: AlertAcknowledged | None = None,
    ) -> None:
        self._keep(episode)
        actor, on_behalf_of = (by.actor, by.on_behalf_of) if by else (SYSTEM, None)
        line = Transition(kind, episode.version, self._now, actor, reason, on_behalf_of)
        self._history.append((episode.key, line))
