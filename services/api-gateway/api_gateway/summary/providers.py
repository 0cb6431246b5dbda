"""Puts the executive view together: what is in use, answers kept ready, narratives."""

from dataclasses import dataclass
from datetime import timedelta

from api_gateway.burn.repository import CountStore
from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.repository import CatalogStore
from api_gateway.http.response_cache import ResponseCache
from api_gateway.narrative.language_model import LanguageModel
from api_gateway.narrative.narrator import Narrator
from api_gateway.narrative.phraser import Phraser, PhrasingLimits
from api_gateway.projections.handlers import Projections
from api_gateway.settings import GatewaySettings
from api_gateway.storage.redis_cache import SharedCache
from api_gateway.summary.context import ReadEvents, ServiceContexts
from api_gateway.summary.service import Summaries
from common.config.clock import Clock
from common.events import TargetSpec


@dataclass(frozen=True, slots=True)
class ExecutiveView:
    """What answers about all services, on one cache of the catalog."""

    catalog: CatalogCache
    ready: ResponseCache
    summaries: Summaries


def executive_view(  # noqa: PLR0913, PLR0917 - what it is made of
    settings: GatewaySettings,
    store: CatalogStore,
    count_store: CountStore,
    cache: SharedCache,
    projections: Projections,
    events: ReadEvents,
    clock: Clock,
) -> ExecutiveView:
    """Return the view of a process."""
    snapshots = projections.snapshots
    catalog = CatalogCache(store, lambda: snapshots.catalog_version, clock)
    default = TargetSpec.default(settings.default_objective, settings.default_window_days)
    ready = ResponseCache(
        clock,
        version=lambda: snapshots.version,
        urgent=lambda: (catalog.writes, snapshots.catalog_version),
        soon=timedelta(seconds=settings.ready_seconds),
    )
    summaries = Summaries(
        count_store,
        cache,
        catalog,
        ServiceContexts(catalog, projections, events),
        Narrator(_phraser(settings)),
        default,
        clock,
        quotes=settings.ai_send_descriptions,
    )
    return ExecutiveView(catalog, ready, summaries)


def _phraser(settings: GatewaySettings) -> Phraser | None:
    """Return the phraser of the language model in the settings; None where none is set."""
    if settings.ai_base_url is None:
        return None
    model = LanguageModel(settings.ai_base_url, settings.ai_model, settings.ai_api_key)
    limits = PhrasingLimits(
        settings.ai_timeout_seconds, settings.ai_wait_seconds, settings.ai_calls_per_hour
    )
    return Phraser(model, limits)
