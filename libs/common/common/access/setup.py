"""Puts the parts of access together, as the settings want them."""

from common.access.authenticator import ADMIN, READER, Authenticator
from common.access.identity_tokens import identity_tokens
from common.access.key_ring import ApiKeyCache
from common.access.limits import CallerLimits
from common.access.middleware import Access
from common.config.clock import Clock, system_clock
from common.config.settings import Settings
from common.observability.logging import hide_from_logs


def access_of(
    settings: Settings, ring: ApiKeyCache | None = None, clock: Clock = system_clock
) -> Access:
    """Return who is let in; without a ring there are only the tokens of the settings."""
    for token in (settings.api_token, settings.read_token):
        if token is not None:
            hide_from_logs(token.get_secret_value())
    tokens = ((settings.api_token, ADMIN), (settings.read_token, READER))
    return Access(
        Authenticator(tokens, ring or ApiKeyCache(), clock, identity_tokens(settings)),
        settings.reads_need_key,
        CallerLimits("reads", settings.reads_per_second, settings.read_burst),
        CallerLimits("writes", settings.writes_per_second, settings.write_burst),
        clock,
    )
