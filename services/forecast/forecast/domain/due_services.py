"""The newest snapshots of a shard's services, and whose forecast is due. Pure."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.events import BurnRateMessage, BurnRateSnapshot, SloStatus
from common.slo.freshness import ShardLiveness
from common.slo.ordering import is_newer

_SPREAD = 0.2  # of the interval: services that begin together drift apart
_HASHES = 2**32

FAR_RATIO = 0.02
"""Requests, or bad ones as a share of what is allowed, that moved further are forecast anew."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a service is forecast: anew after `interval`, sooner on a change."""

    interval: timedelta
    soonest: timedelta
    silence: timedelta


class DueServices:
    """The newest snapshot of each service, the owner's last sign of life, and what is due."""

    def __init__(self, pace: Pace) -> None:
        self.snapshots: dict[str, BurnRateSnapshot] = {}
        self._pace = pace
        self._liveness = ShardLiveness()
        self._was_silent = False
        self._due_at: dict[str, datetime] = {}
        self._forecast_at: dict[str, datetime] = {}
        self._shown: dict[str, BurnRateSnapshot] = {}  # what its last forecast was made of

    def apply(self, message: BurnRateMessage, now: datetime) -> None:
        """Note that the shard's owner lives, and keep what is newer.

        A snapshot whose risk level, status or counts have changed much is due soon.
        """
        self._liveness.hear(message.evaluated_at)
        if isinstance(message, BurnRateSnapshot):
            self._keep(message, now)

    def _keep(self, snapshot: BurnRateSnapshot, now: datetime) -> None:
        name = snapshot.service_name
        if not is_newer(snapshot, self.snapshots.get(name)):
            return
        self.snapshots[name] = snapshot
        if name not in self._due_at:
            self._due_at[name] = now
        elif _changed(self._shown.get(name), snapshot):
            last = self._forecast_at.get(name)
            soon = now if last is None else max(now, last + self._pace.soonest)
            self._due_at[name] = min(self._due_at[name], soon)

    def silent(self, now: datetime) -> bool:
        """Return whether the owner of the shard in burnrate is silent."""
        return self._liveness.is_silent(now, self._pace.silence)

    def due(self, now: datetime) -> list[str]:
        """Return the services whose forecast is due, the longest overdue first.

        All are, when the shard falls silent or speaks again.
        """
        silent = self.silent(now)
        if silent != self._was_silent:
            self._was_silent = silent
            self._due_at = dict.fromkeys(self._due_at, now)
        found = [name for name, at in self._due_at.items() if at <= now]
        return sorted(found, key=lambda name: (self._due_at[name], name))

    def done(self, snapshot: BurnRateSnapshot, now: datetime, *, catching_up: bool) -> None:
        """Note that a service has been looked at; it is due again within an interval.

        Sooner is one whose counts are not all here yet, or whose snapshot has changed meanwhile.
        """
        name = snapshot.service_name
        self._forecast_at[name] = now
        self._shown[name] = snapshot
        early = zlib.crc32(name.encode()) / _HASHES * _SPREAD
        pause = self._pace.interval * (1 - early)
        if catching_up or _changed(snapshot, self.snapshots[name]):
            pause = min(pause, self._pace.soonest)
        self._due_at[name] = now + pause


def _changed(shown: BurnRateSnapshot | None, snapshot: BurnRateSnapshot) -> bool:
    """Return whether a forecast made of `shown` is not one of `snapshot` any more."""
    if shown is None or _due_on_change(shown) != _due_on_change(snapshot):
        return True
    return any(_moved_far(*slos) for slos in zip(shown.slos, snapshot.slos, strict=True))


def _moved_far(shown: SloStatus, slo: SloStatus) -> bool:
    most = FAR_RATIO * shown.total
    allowed = 1 - shown.objective
    return abs(slo.total - shown.total) > most or abs(slo.bad - shown.bad) > most * allowed


def _due_on_change(snapshot: BurnRateSnapshot) -> object:
    """Return what makes a new forecast due at once when it changes."""
    return snapshot.data_status, tuple(
        (slo.id, slo.revision, slo.risk_level, slo.data_status, slo.error_budget_remaining > 0)
        for slo in snapshot.slos
    )
