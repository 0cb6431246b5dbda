"""The services and targets of the catalog topic, by their newest revisions. Pure."""

from burnrate.domain.objectives import Target
from burnrate.windows.engine import SHALLOW_DAYS
from common.events import CatalogMessage, ServiceChanged, TargetChanged
from common.slo.streams import indicator_of, service_of
from common.slo.vocabulary import MAX_TARGETS


class TooManyTargetsError(ValueError):
    """A service has more targets than are measured; the text says which are not."""


class Catalog:
    """The newest revision of every service and target, and which services have changed."""

    def __init__(self, default: Target) -> None:
        self._default = default
        self.revision = 0
        self._changed_at: dict[str, int] = {}
        self._services: dict[str, ServiceChanged] = {}
        self._targets: dict[int, tuple[TargetChanged, Target]] = {}
        self._by_service: dict[str, set[int]] = {}

    def apply(self, change: CatalogMessage) -> None:
        """Keep a change, unless a newer one of the same thing is known.

        Raises ValueError or ArithmeticError for a target that nothing can be measured against,
        and TooManyTargetsError, with the change kept, where a service has more than MAX_TARGETS.
        """
        if isinstance(change, ServiceChanged):
            old = self._services.get(change.name)
            if old is None or change.revision > old.revision:
                self._services[change.name] = change
                self._note(change.name)
            return
        known = self._targets.get(change.id)
        if known is None or change.revision > known[0].revision:
            self._targets[change.id] = change, Target.from_event(change)
            self._by_service.setdefault(change.service_name, set()).add(change.id)
            self._note(change.service_name)
            if len(self._in_use(change.service_name)) > MAX_TARGETS:
                raise TooManyTargetsError(
                    f"`{change.service_name}` has more than {MAX_TARGETS} targets; those with "
                    "the highest ids are not measured"
                )

    def changed_after(self, revision: int) -> list[str]:
        """Return the services that have changed since `revision` was that of the catalog."""
        if revision == self.revision:
            return []
        return [name for name, changed_at in self._changed_at.items() if changed_at > revision]

    def is_deep(self, stream: str) -> bool:
        """Return whether a stream has a target that reaches back further than most."""
        indicator = indicator_of(stream)
        return any(
            target.indicator == indicator and target.window_days > SHALLOW_DAYS
            for target in self.targets(service_of(stream))
        )

    def shown(self, name: str) -> bool:
        """Return whether a service is measured; one that is retired is counted, but not shown."""
        service = self._services.get(name)
        return service is None or not service.retired

    def declared(self, name: str) -> bool:
        """Return whether a service is in the catalog and not retired, reported or not."""
        service = self._services.get(name)
        return service is not None and not service.retired

    def targets(self, name: str) -> list[Target]:
        """Return a service's targets by id, or the default one where it has none.

        Of more than MAX_TARGETS the first ones, so that the order of changes does not matter.
        """
        return self._in_use(name)[:MAX_TARGETS] or [self._default]

    def _in_use(self, name: str) -> list[Target]:
        own = (self._targets[i] for i in sorted(self._by_service.get(name, ())))
        return [target for change, target in own if not change.retired]

    def _note(self, name: str) -> None:
        self.revision += 1
        self._changed_at[name] = self.revision
