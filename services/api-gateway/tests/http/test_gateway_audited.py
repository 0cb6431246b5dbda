"""Every write that is taken is in the audit with whose key it was; refusals are counted."""

from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from common.access.middleware import LOGGED_REFUSALS_AT_ONCE
from tests.support.gateway.access import api_key
from tests.support.gateway.harness import GatewayHarness

SERVICE = {"name": "checkout", "tier": 1, "owner": "payments"}
TARGET = {"name": "main", "sli_type": "availability", "objective": 0.999}


async def test_services_and_targets_are_audited_by_key(gateway: GatewayHarness) -> None:
    made = api_key("operate")
    gateway.ring.apply(made.key)
    for method, path, body in (
        ("POST", "/api/services", SERVICE),
        ("PUT", "/api/services/checkout", {**SERVICE, "owner": "shop"}),
        ("POST", "/api/slo/checkout/targets", TARGET),
        ("PUT", "/api/slo/targets/1", {"objective": 0.9995}),
        ("DELETE", "/api/slo/targets/1", {"reason": "it is measured elsewhere"}),
        ("DELETE", "/api/services/checkout", None),
    ):
        answer = await gateway.client.request(method, path, json=body, headers=made.headers)
        assert answer.is_success, answer.text
    deeds = await gateway.audited()
    assert [(d.action, d.subject) for d in deeds] == [
        ("service.created", "service/checkout"),
        ("service.changed", "service/checkout"),
        ("target.created", "target/1"),
        ("target.changed", "target/1"),
        ("loosening.recorded", "loosening/1"),
        ("target.deleted", "target/1"),
        ("service.deleted", "service/checkout"),
    ]
    assert {(d.actor, d.service_name) for d in deeds} == {("key/test", "checkout")}
    assert {d.credential for d in deeds} == {f"key/{made.key.id}"}
    assert deeds[1].details["owner"] == "shop"
    assert deeds[3].details["objective"] == "0.9995"


async def test_what_is_refused_is_not_audited(gateway: GatewayHarness) -> None:
    await gateway.service()
    before = await gateway.audited()
    assert (await gateway.write("POST", "/api/services", SERVICE)).status_code == 409
    assert (await gateway.write("PUT", "/api/services/nobody", SERVICE)).status_code == 404
    assert (await gateway.client.post("/api/services", json=SERVICE)).status_code == 401
    assert await gateway.audited() == before


def refusals(code: str) -> float:
    labels = {"code": code, "sender": "address/127.0.0.1"}
    return REGISTRY.get_sample_value("burnline_http_refusals_total", labels) or 0.0


async def test_refusals_are_counted_and_logged_within_a_bound(gateway: GatewayHarness) -> None:
    before = refusals("unauthorized")
    scoped = api_key("read")
    gateway.ring.apply(scoped.key)
    count = LOGGED_REFUSALS_AT_ONCE * 3
    with capture_logs() as lines:
        answer = await gateway.client.post("/api/services", headers=scoped.headers)
        assert answer.status_code == 403
        for _ in range(count):
            assert (await gateway.client.post("/api/services")).status_code == 401
    assert refusals("unauthorized") == before + count
    told = [line for line in lines if line["event"] == "request_refused"]
    assert LOGGED_REFUSALS_AT_ONCE <= len(told) <= LOGGED_REFUSALS_AT_ONCE + 5
    first: Any = told[0]
    assert (first["code"], first["status"], first["method"]) == ("missing_scope", 403, "POST")
    assert (first["path"], first["client"]) == ("/api/services", "127.0.0.1")
    assert f"key/{scoped.key.id}" in first["detail"]
    assert scoped.text.split("_", 2)[2] not in str(lines)


@pytest.mark.parametrize("body", [{"actor": "ana", "reason": "because it has to be", "rule": {}}])
async def test_a_refused_rule_leaves_no_trace_either(
    gateway: GatewayHarness, body: dict[str, Any]
) -> None:
    before = await gateway.audited()
    assert (await gateway.write("POST", "/api/rules", body)).status_code == 422
    assert await gateway.audited() == before
