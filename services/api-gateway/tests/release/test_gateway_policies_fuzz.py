"""Whatever is sent to overrides, policies and lists, it is answered or refused, never a 500."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_gateway.policy.overrides import OverrideService
from tests.support.gateway.harness import GatewayHarness

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["ALLOW", "WARN", "BLOCK", "UNKNOWN", "fix", "0123456789", "\0" * 12]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
OVERRIDE = {"actor": "ana", "reason": "hotfix for the outage", "decision": "ALLOW"}
overrides = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("actor", "reason", "decision", "expires_in_minutes", "ticket", "version", "max_uses"),
        values,
    ),
)
SECTIONS = (
    "name",
    "applies_to",
    "risk",
    "budget_exhausted",
    "on_unknown",
    "conditions",
    "hysteresis",
    "forecast",
    "overrides",
)
documents = st.fixed_dictionaries({}, optional=dict.fromkeys(SECTIONS, values))
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@fuzz
@given(changed=overrides)
async def test_any_override_is_stored_or_refused(gateway: GatewayHarness, changed: Any) -> None:
    await gateway.write("POST", "/api/services", {"name": "checkout", "tier": 1, "owner": ""})
    gateway.of(OverrideService)._visible_timeout_seconds = 0
    body = json.dumps(OVERRIDE | changed).encode()
    response = await gateway.write("POST", "/api/release/checkout/override", body)
    assert response.status_code in {202, 422}, response.text
    if response.status_code == 202:
        shown = await gateway.client.get(response.headers["Location"])
        assert shown.json() == response.json()
    else:
        assert response.json()["errors"]


@fuzz
@given(document=documents)
async def test_any_policy_is_stored_or_refused(gateway: GatewayHarness, document: Any) -> None:
    body = {"actor": "ana", "reason": "payments must be strict", "document": document}
    content = json.dumps(body).encode()
    response = await gateway.write("PUT", "/api/policies/payments", content)
    assert response.status_code in {200, 201, 422}, response.text
    await gateway.get("/api/policies")


@fuzz
@given(cursor=st.text(max_size=40) | st.binary(max_size=30).map(lambda b: b.hex()))
async def test_any_cursor_is_read_or_refused(gateway: GatewayHarness, cursor: str) -> None:
    await gateway.write("POST", "/api/services", {"name": "checkout", "tier": 1, "owner": ""})
    for path in ("/api/audit", "/api/changes", "/api/release/checkout/history"):
        response = await gateway.client.get(path, params={"cursor": cursor})
        assert response.status_code in {200, 422}, (path, response.text)


async def test_half_a_character_is_refused(gateway: GatewayHarness) -> None:
    await gateway.write("POST", "/api/services", {"name": "checkout", "tier": 1, "owner": ""})
    half = "0123456789 " + chr(0xD800)
    who = {"actor": "ana", "reason": "payments must be strict"}
    for method, path, body in [
        ("POST", "/api/release/checkout/override", OVERRIDE | {"reason": half}),
        ("POST", "/api/release/checkout/override", OVERRIDE | {"version": half}),
        ("PUT", "/api/policies/payments", {**who, "document": {"description": half}}),
        ("PUT", "/api/policies/payments", {**who, "document": {half: 1}}),
        ("PUT", "/api/policies/payments", {**who, "actor": half, "document": {}}),
    ]:
        response = await gateway.write(method, path, json.dumps(body).encode())
        assert response.status_code == 422, (body, response.text)
