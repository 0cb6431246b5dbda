"""Puts the parts of access together, as the settings want them."""

from common.access.authenticator import ADMIN, READER, Authenticator
from common.access.key_ring import KeyRing
from common.access.limits import CallerLimits
from common.access.middleware import Access
from common.clock import Clock, system_clock
from common.settings import Settings


def access_of(
    settings: Settings, ring: KeyRing | None = None, clock: Clock = system_clock
) -> Access:
    """Return who is let in; without a ring there are only the tokens of the settings."""
    tokens = ((settings.api_token, ADMIN), (settings.read_token, READER))
    return Access(
        Authenticator(tokens, ring or KeyRing(), clock),
        settings.reads_need_key,
        CallerLimits("reads", settings.reads_per_second, settings.read_burst),
        CallerLimits("writes", settings.writes_per_second, settings.write_burst),
    )
