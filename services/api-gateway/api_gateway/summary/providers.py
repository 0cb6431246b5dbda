"""Puts the executive view together: what is in use, answers kept ready, narratives."""

from dataclasses import dataclass
from datetime import timedelta

from api_gateway.burn.repository import CountStore
from api_gateway.catalog.cache import CatalogCache
from api_gateway.catalog.ports import Store
from api_gateway.http.response_cache import ResponseCache
from api_gateway.narrative.language_model import LanguageModel
from api_gateway.narrative.narrator import Narrator
from api_gateway.narrative.phraser import Patience, Phraser
from api_gateway.projections.snapshots import ReadModel
from api_gateway.settings import GatewaySettings
from api_gateway.storage.redis_cache import SharedCache
from api_gateway.summary.service import Summaries
from api_gateway.summary.subjects import ServiceInsights, Subjects
from common.config.clock import Clock
from common.events import TargetSpec


@dataclass(frozen=True, slots=True)
class ExecutiveView:
    """The parts, on one roster."""

    roster: CatalogCache
    ready: ResponseCache
    summaries: Summaries


def executive_view(  # noqa: PLR0913, PLR0917 - what it is made of
    settings: GatewaySettings,
    store: Store,
    count_store: CountStore,
    cache: SharedCache,
    read_model: ReadModel,
    findings: ServiceInsights,
    clock: Clock,
) -> ExecutiveView:
    """Return the view of a process."""
    roster = CatalogCache(store, lambda: read_model.catalog_version)
    default = TargetSpec.default(settings.default_objective, settings.default_window_days)
    ready = ResponseCache(
        clock,
        version=lambda: read_model.version,
        urgent=lambda: (roster.writes, read_model.catalog_version),
        soon=timedelta(seconds=settings.ready_seconds),
    )
    summaries = Summaries(
        count_store,
        cache,
        roster,
        Subjects(roster, read_model, findings),
        Narrator(_phraser(settings)),
        default,
        clock,
        quotes=settings.ai_send_descriptions,
    )
    return ExecutiveView(roster, ready, summaries)


def _phraser(settings: GatewaySettings) -> Phraser | None:
    """Return who phrases narratives through a language model; None where none is set."""
    if settings.ai_base_url is None:
        return None
    model = LanguageModel(settings.ai_base_url, settings.ai_model, settings.ai_api_key)
    patience = Patience(
        settings.ai_timeout_seconds, settings.ai_wait_seconds, settings.ai_calls_per_hour
    )
    return Phraser(model, patience)
