"""Stands before every handler: who asks, may they, and not too often.

Nothing else of a request has been looked at by then, so that 401 and 403 come before whether the
path exists and what the body holds.
"""

from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.access.authenticator import Authenticator
from common.access.limits import Allowance, CallerLimits, TokenBucket
from common.access.metrics import REFUSALS
from common.access.principal import Principal, acting
from common.access.scopes import FREE_METHODS, READ_METHODS, Need, needed, permits
from common.config.clock import Clock
from common.http.problems import Problem, problem_response

log = structlog.get_logger()

LOGGED_REFUSALS_PER_SECOND = 1.0
LOGGED_REFUSALS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in, and how often; the rates of reads and of writes are counted apart."""

    authenticator: Authenticator
    reads_need_key: bool
    reads: CallerLimits
    writes: CallerLimits
    clock: Clock

    async def admitted(self, need: Need, authorization: str) -> Principal | None:
        """Return whose request it is, None where that does not matter; problems 401, 403, 503."""
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


class AccessMiddleware:
    """Answers 401, 403 and 429; makes the caller known to what runs inside."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access
        self._log_budget = TokenBucket(
            LOGGED_REFUSALS_PER_SECOND, LOGGED_REFUSALS_AT_ONCE, self._now_seconds()
        )
        self._unlogged = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        need = needed(scope["method"], scope["path"])
        try:
            authorization = Headers(scope=scope).get("Authorization", "")
            principal = await self._access.admitted(need, authorization)
            allowance = self._allowance(scope, need, principal)
        except Problem as refusal:
            self._note(refusal, scope)
            await problem_response(refusal)(scope, receive, send)
            return

        async def send_with_standing(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(allowance.headers)
            await send(message)

        with acting(principal):
            await self._app(scope, receive, send_with_standing if allowance.headers else send)

    def _allowance(self, scope: Scope, need: Need, principal: Principal | None) -> Allowance:
        """Return the caller's standing; problem 429. A caller without a key is an address."""
        method = scope["method"]
        if need.scope is None or method in FREE_METHODS:
            return Allowance(0, {})
        client = scope.get("client")
        caller = principal.id if principal else f"address/{client[0] if client else 'unknown'}"
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

    def _note(self, refusal: Problem, scope: Scope) -> None:
        """Count every refusal; log as many as nobody can fill a disk with."""
        REFUSALS.labels(refusal.code).inc()
        if self._log_budget.take(self._now_seconds()):
            self._unlogged += 1
            return
        client = scope.get("client")
        log.warning(
            "request_refused",
            code=refusal.code,
            status=refusal.status,
            method=scope["method"],
            path=scope["path"],
            client=client[0] if client else None,
            detail=refusal.detail,
            unlogged_before=self._unlogged,
        )
        self._unlogged = 0
