"""Every write refuses whoever may not, before it looks at anything else; reads when configured."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.support.burn_events import NOW
from tests.support.gateway.access import given, operations_with_scopes, refuses_strangers
from tests.support.gateway.document import operations
from tests.support.gateway.harness import TOKEN, GatewayHarness

READS_NEED_KEY = {"reads_need_key": True, "read_token": "for scraping"}
# operations of the scopes that open more than daily work; all other writes need `operate`
SCOPE_OF_WRITES = {
    "create_key": "admin",
    "rotate_key": "admin",
    "revoke_key": "admin",
    "put_policy": "admin",
    "delete_policy": "admin",
    "create_override": "override",
    "approve_override": "override",
    "approve_loosening": "override",
    "revoke_override": "override",
    "check_release": "read",
}


async def test_every_write_refuses_strangers(
    gateway: GatewayHarness, gateway_document: dict[str, Any]
) -> None:
    asked = 0
    for operation in operations_with_scopes(gateway_document):
        if operation.always:
            await refuses_strangers(gateway.client, gateway.ring, NOW, operation)
            asked += 1
    writes = [o for _, method, o in operations(gateway_document) if method != "get"]
    assert asked >= len(writes) > 20


@pytest.mark.parametrize("gateway_settings", [READS_NEED_KEY], indirect=True)
async def test_every_read_refuses_strangers_when_that_is_configured(
    gateway: GatewayHarness,
) -> None:
    gateway.app.state.stopping = True  # so that the stream, where it is let through, ends
    document = (await gateway.client.get("/openapi.json")).json()
    paths = []
    for operation in operations_with_scopes(document):
        if operation.method == "GET":
            await refuses_strangers(gateway.client, gateway.ring, NOW, operation)
            paths.append(operation.path)
    assert {"/metrics", "/api/stream", "/api/services", "/api/keys", "/api/audit"} <= {*paths}
    assert len(paths) > 25


def test_what_each_write_needs_is_as_decided(gateway_document: dict[str, Any]) -> None:
    for path, method, operation in operations(gateway_document):
        name = operation["operationId"]
        if method == "get":
            expected = "admin" if path.startswith("/api/keys") else "read"
        else:
            expected = SCOPE_OF_WRITES.get(name, "operate")
        assert operation["x-scope"] == expected, name


@pytest.mark.parametrize("gateway_settings", [READS_NEED_KEY], indirect=True)
async def test_what_is_open_stays_open_when_reads_need_a_key(gateway: GatewayHarness) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert (await gateway.client.get(path)).status_code == 200, path
    scraper = {"Authorization": "Bearer for scraping"}
    assert (await gateway.client.get("/metrics", headers=scraper)).status_code == 200
    assert (await gateway.client.get("/api/services", headers=scraper)).status_code == 200
    assert (await gateway.client.post("/api/services", headers=scraper)).status_code == 403
    declared = (await gateway.client.get("/openapi.json")).json()["paths"]["/api/burn"]["get"]
    assert declared["security"] == [{"bearer": ["read"]}]
    assert {"401", "403", "429"} <= declared["responses"].keys()


async def test_reads_are_open_by_default(gateway: GatewayHarness) -> None:
    assert (await gateway.client.get("/api/services")).status_code == 200
    assert (await gateway.client.get("/metrics")).status_code == 200
    assert (await gateway.client.get("/api/keys")).status_code == 401


@pytest.mark.parametrize("method", ["QUERY", "TRACE", "PROPFIND", "LINK"])
async def test_a_method_that_is_not_known_counts_as_a_write(
    gateway: GatewayHarness, method: str
) -> None:
    assert (await gateway.client.request(method, "/api/services")).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/api/keys/", "/api/keys//", "/api/keys/x/y", "/api/%6beys", "/api/policies/x/", "/api/keys?"],
)
async def test_no_spelling_of_a_path_needs_less(gateway: GatewayHarness, path: str) -> None:
    headers = given(gateway.ring, "operate", "override", "read", "ingest")
    assert (await gateway.client.post(path, headers=headers)).status_code == 403


async def test_a_key_past_its_time_opens_nothing_from_that_moment(gateway: GatewayHarness) -> None:
    headers = given(gateway.ring, "admin", expires_at=NOW + timedelta(seconds=1))
    assert (await gateway.client.get("/api/keys", headers=headers)).status_code == 200
    gateway.now[0] += timedelta(seconds=1)
    answer = await gateway.client.get("/api/keys", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_expired")


async def test_keys_that_are_not_read_yet_are_not_called_wrong(gateway: GatewayHarness) -> None:
    gateway.ring.complete_when(lambda: False)
    unknown = {"Authorization": f"Bearer blk_0123456789ab_{'x' * 43}"}
    answer = await gateway.client.get("/api/keys", headers=unknown)
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_not_read")
    assert answer.headers["Retry-After"]
    bootstrap = {"Authorization": f"Bearer {TOKEN}"}
    assert (await gateway.client.get("/api/keys", headers=bootstrap)).status_code == 200
    gateway.ring.complete_when(lambda: True)
    assert (await gateway.client.get("/api/keys", headers=unknown)).status_code == 401


@pytest.mark.parametrize(
    "gateway_settings", [{"reads_per_second": 0.5, "read_burst": 3}], indirect=True
)
async def test_reads_are_limited_by_address_where_they_need_no_key(
    gateway: GatewayHarness,
) -> None:
    statuses: Counter[int] = Counter()
    for _ in range(5):
        statuses[(await gateway.client.get("/api/services")).status_code] += 1
    assert statuses == {200: 3, 429: 2}
    answer = await gateway.client.get("/api/services")
    assert answer.json()["code"] == "too_many_reads"
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["RateLimit"] == '"reads";r=0;t=6'
    assert answer.headers["RateLimit-Policy"] == '"reads";q=3;w=6'
    assert (await gateway.client.get("/healthz")).status_code == 200
    assert (await gateway.write("POST", "/api/services", b"{")).status_code == 422
