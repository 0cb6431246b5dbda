"""Bodies of requests that the filled gateway takes."""

from datetime import timedelta
from typing import Final

from tests.support.burn_events import NOW
from tests.support.gateway.results import LETTER_ID

SERVICE: Final = {"name": "checkout", "tier": 1, "owner": "payments"}
TARGET: Final = {"name": "main", "sli_type": "availability", "objective": 0.999}

RELEASE: Final = "/api/release/checkout"
RELEASE_STATEMENT: Final = {"actor": "ana", "reason": "the outage is over"}
OVERRIDE: Final = {**RELEASE_STATEMENT, "decision": "ALLOW", "version": "1.42.1", "max_uses": 3}
POLICY: Final = {**RELEASE_STATEMENT, "document": {"applies_to": {"tiers": [1]}}}

ACTOR: Final = {"actor": "ines"}
STATEMENT: Final = {**ACTOR, "reason": "the work is done"}
MATCHERS: Final = [{"name": "service", "value": "check*", "is_glob": True}]
SILENCE: Final = {
    "matchers": MATCHERS,
    "duration_minutes": 60,
    "created_by": "ines",
    "comment": "planned work",
}
LEVELS: Final = [{"severity": "ticket", "at_most_ratio": 0.5}]
RULE: Final = {"name": "half", "kind": "budget_left", "levels": LEVELS, "tiers": [1]}
HOOK: Final = {
    **ACTOR,
    "name": "hook",
    "kind": "webhook",
    "secrets": {"url": "https://hooks.example.com/t0ps3cret", "signing_secret": "s3cret"},
}
RULE_PATH: Final = "/api/rules/burn-rate-page"
TAKE: Final = "/api/alerts/1/acknowledge"

KEY_ID: Final = "4f1d09c2ab37"
KEY: Final = f"/api/keys/{KEY_ID}"
NO_KEY: Final = "/api/keys/0123456789ab"
NEW_KEY: Final = {"name": "pipeline", "scopes": ["read", "ingest"], "expires_in_days": 30}

EVENT: Final = {
    "service": "checkout",
    "source": "edge",
    "timestamp": (NOW - timedelta(minutes=12)).isoformat(),
    "total": 9,
    "bad": 1,
}
LETTER: Final = f"/api/ingest/dead-letters/{LETTER_ID}"
REPLAY: Final = f"{LETTER}/replay"
SKIP: Final = {**STATEMENT, "topic": "slo.metrics.v1", "partition": 1, "offset": 0}
NO_LETTER: Final = f"/api/ingest/dead-letters/{'f' * 32}"
