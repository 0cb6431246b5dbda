"""Authenticate, authorize and rate-limit every request before its handler.

It runs before routing and validation, so that 401 and 403 reveal nothing of paths and bodies.
"""

from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.access.authenticator import ADMIN, READER, Authenticator
from common.access.identity_tokens import identity_tokens
from common.access.key_cache import ApiKeyCache
from common.access.limits import Allowance, CallerLimits, TokenBucket
from common.access.principal import Principal, acting
from common.access.scopes import FREE_METHODS, READ_METHODS, Need, needed, permits
from common.config.clock import Clock, system_clock
from common.config.settings import Settings
from common.http.connections import REFUSALS
from common.http.middleware import HttpMiddleware, at_start, client_address
from common.http.problems import PROBLEM_CODE, Problem, problem_response
from common.observability.callers import CALLERS
from common.observability.logging import hide_from_logs

log = structlog.get_logger()

BODY_REFUSALS = frozenset({400, 408, 413, 415, 429})
"""Of bodies that are taken by nobody, or not now; what is wrong within one is the operation's."""

LOGGED_REFUSALS_PER_SECOND = 1.0
LOGGED_REFUSALS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in, and how often; reads and writes have rates of their own."""

    authenticator: Authenticator
    reads_need_key: bool
    reads: CallerLimits
    writes: CallerLimits
    clock: Clock

    async def admitted(self, need: Need, authorization: str) -> Principal | None:
        """Return the caller, None where anyone may ask. Raises Problem: 401, 403 or 503."""
        if need.scope is None or not (need.always or self.reads_need_key):
            return None
        if need.always and not self.authenticator.can_admit:
            detail = "This server takes no writes until BURNLINE_API_TOKEN is set."
            raise Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
        principal = await self.authenticator.principal(authorization)
        if not permits(principal.scopes, need.scope):
            raise Problem(
                403,
                "missing_scope",
                f"This needs the scope `{need.scope}`; {principal.id} has: "
                f"{', '.join(sorted(principal.scopes)) or 'none'}.",
                headers={
                    "WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{need.scope}"'
                },
            )
        return principal


def access_of(
    settings: Settings, cache: ApiKeyCache | None = None, clock: Clock = system_clock
) -> Access:
    """Return who is let in; without a cache there are only the tokens of the settings."""
    for token in (settings.api_token, settings.read_token):
        if token is not None:
            hide_from_logs(token.get_secret_value())
    tokens = ((settings.api_token, ADMIN), (settings.read_token, READER))
    return Access(
        Authenticator(tokens, cache or ApiKeyCache(), clock, identity_tokens(settings)),
        settings.reads_need_key,
        CallerLimits("reads", settings.reads_per_second, settings.read_burst),
        CallerLimits("writes", settings.writes_per_second, settings.write_burst),
        clock,
    )


class AccessMiddleware(HttpMiddleware):
    """Answer 401, 403 and 429; make the caller known to the handlers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        super().__init__(app)
        self._access = access
        self._log_budget = TokenBucket(
            LOGGED_REFUSALS_PER_SECOND, LOGGED_REFUSALS_AT_ONCE, self._now_seconds()
        )
        self._unlogged = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        need, caller = needed(scope["method"], scope["path"]), f"address/{client_address(scope)}"
        try:
            authorization = Headers(scope=scope).get("Authorization", "")
            principal = await self._access.admitted(need, authorization)
            caller = principal.id if principal else caller
            allowance = self._allowance(scope["method"], need, caller)
        except Problem as refusal:
            self._note(refusal, scope, caller)
            await problem_response(refusal)(scope, receive, send)
            return

        def add_standing(message: Message) -> None:
            MutableHeaders(scope=message).update(allowance.headers)
            if message["status"] in BODY_REFUSALS and PROBLEM_CODE in scope:
                REFUSALS.labels(scope[PROBLEM_CODE], CALLERS.label(caller)).inc()

        with acting(principal):
            await self._app(scope, receive, at_start(send, add_standing))

    def _allowance(self, method: str, need: Need, caller: str) -> Allowance:
        """Return the caller's allowance. Raises Problem: 429."""
        if need.scope is None or method in FREE_METHODS:
            return Allowance(0, {})
        kind, limits = ("reads", self._access.reads)
        if method not in READ_METHODS:
            kind, limits = ("writes", self._access.writes)
        allowance = limits.take(caller, self._now_seconds())
        if allowance.wait_seconds:
            detail = (
                f"{caller} may send no more {kind} now; send it again in "
                f"{allowance.wait_seconds} s."
            )
            raise Problem(429, f"too_many_{kind}", detail, headers=allowance.headers)
        return allowance

    def _now_seconds(self) -> float:
        return self._access.clock().timestamp()

    def _note(self, refusal: Problem, scope: Scope, caller: str) -> None:
        """Count every refusal; log so few that nobody can fill a disk with them."""
        REFUSALS.labels(refusal.code, CALLERS.label(caller)).inc()
        if self._log_budget.take(self._now_seconds()):
            self._unlogged += 1
            return
        log.warning(
            "request_refused",
            code=refusal.code,
            status=refusal.status,
            method=scope["method"],
            path=scope["path"],
            client=client_address(scope),
            detail=refusal.detail,
            unlogged_before=self._unlogged,
        )
        self._unlogged = 0
