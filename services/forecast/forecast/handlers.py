"""What every process knows of the catalog: which services are not shown."""

from common.events import CatalogMessage, ServiceChanged


class Retired:
    """The services that are not shown, by the newest revision of each."""

    def __init__(self) -> None:
        self._services: dict[str, ServiceChanged] = {}

    def apply(self, change: CatalogMessage) -> None:
        """Keep a service's newest revision; targets come with the snapshots."""
        if isinstance(change, ServiceChanged):
            old = self._services.get(change.name)
            if old is None or change.revision > old.revision:
                self._services[change.name] = change

    def __contains__(self, name: str) -> bool:
        service = self._services.get(name)
        return service is not None and service.retired
