"""/api/services: what may be declared, how it is listed, and what becomes of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events import ServiceChanged
from common.kafka.topics import CATALOG
from tests.support.gateway.harness import TOKEN, GatewayHarness

SERVICE = {"name": "checkout", "tier": 1, "owner": "payments", "description": "Takes money"}
ONE = "/api/services/checkout"


async def test_created_service_is_answered_listed_and_announced(gateway: GatewayHarness) -> None:
    response = await gateway.write("POST", "/api/services", SERVICE)
    assert response.status_code == 201
    assert response.headers["Location"] == ONE
    created = response.json()
    assert created == {
        **SERVICE,
        "id": 1,
        "revision": created["revision"],
        "created_at": created["updated_at"],
        "updated_at": created["created_at"],
    }
    age = datetime.now(UTC) - datetime.fromisoformat(created["created_at"])
    assert timedelta() <= age < timedelta(minutes=1)
    assert await gateway.get(ONE) == created
    assert await gateway.get("/api/services") == [created]
    assert await gateway.announced(CATALOG) == [
        ServiceChanged(
            created["revision"], 1, "checkout", 1, "payments", "Takes money", retired=False
        )
    ]


async def test_update_replaces_the_wording_and_raises_the_revision(
    gateway: GatewayHarness,
) -> None:
    created = (await gateway.write("POST", "/api/services", SERVICE)).json()
    response = await gateway.write("PUT", ONE, {"name": "checkout", "tier": 3, "owner": ""})
    assert response.status_code == 200
    changed = response.json()
    assert (changed["tier"], changed["owner"], changed["description"]) == (3, "", None)
    assert changed["revision"] == created["revision"] + 1


async def test_deleted_service_is_gone_with_its_targets_and_comes_back_with_a_new_id(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    target = await gateway.target()
    response = await gateway.write("DELETE", ONE)
    assert (response.status_code, response.content) == (204, b"")
    for path in (ONE, "/api/slo/checkout", "/api/slo/checkout/targets", "/api/burn/checkout"):
        assert (await gateway.client.get(path)).status_code == 404
    gone = await gateway.write("DELETE", f"/api/slo/targets/{target['id']}")
    assert gone.status_code == 404
    assert (await gateway.write("DELETE", ONE)).status_code == 404
    assert (await gateway.service())["id"] == 2
    assert await gateway.get("/api/slo/checkout/targets") == []
    kinds = [(type(e).__name__, e.retired) for e in await gateway.announced(CATALOG)]
    assert kinds == [
        ("ServiceChanged", False),
        ("TargetChanged", False),
        ("TargetChanged", True),
        ("ServiceChanged", True),
        ("ServiceChanged", False),
    ]


async def test_duplicate_name_is_a_conflict(gateway: GatewayHarness) -> None:
    await gateway.service()
    response = await gateway.write("POST", "/api/services", SERVICE)
    assert response.status_code == 409
    assert response.json()["errors"][0]["field"] == "name"
    assert "PUT" in response.json()["detail"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Checkout"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "-x"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"name": "checkout\n"}, "name"),
        ({"name": "heatmap"}, "name"),
        ({"name": "targets"}, "name"),
        ({"name": "compute"}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"tier": 0}, "tier"),
        ({"tier": 4}, "tier"),
        ({"tier": 1.5}, "tier"),
        ({"tier": True}, "tier"),
        ({"tier": "1"}, "tier"),
        ({"tier": 10**40}, "tier"),
        ({"owner": None}, "owner"),
        ({"owner": 5}, "owner"),
        ({"owner": "a" * 129}, "owner"),
        ({"owner": "a\0b"}, "owner"),
        ({"owner": "\ud800"}, "owner"),
        ({"description": "d" * 2001}, "description"),
        ({"description": ["d"]}, "description"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_wrong_service_is_refused_by_field(
    gateway: GatewayHarness, change: dict[str, Any], field: str
) -> None:
    body = json.dumps({**SERVICE, **change}).encode()
    response = await gateway.write("POST", "/api/services", body)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert response.json()["errors"][0]["detail"]
    assert await gateway.database.rows("SELECT * FROM catalog.services") == []


@pytest.mark.parametrize("field", ["name", "tier", "owner"])
async def test_missing_field_is_named(gateway: GatewayHarness, field: str) -> None:
    body = {key: value for key, value in SERVICE.items() if key != field}
    response = await gateway.write("POST", "/api/services", body)
    assert response.status_code == 422
    assert response.json()["detail"] == f"{field}: is required"


async def test_name_in_an_update_must_be_that_of_the_path(gateway: GatewayHarness) -> None:
    await gateway.service()
    response = await gateway.write("PUT", ONE, {"name": "cart", "tier": 1, "owner": "x"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "name"


async def test_whole_numbers_may_be_written_with_a_fraction_of_zero(
    gateway: GatewayHarness,
) -> None:
    body = b'{"name": "checkout", "tier": 2.0, "owner": "payments"}'
    response = await gateway.write("POST", "/api/services", body)
    assert (response.status_code, response.json()["tier"]) == (201, 2)


async def test_pages_hold_every_service_once(gateway: GatewayHarness) -> None:
    names = [f"svc-{i:02}" for i in range(7)]
    for name in reversed(names):
        await gateway.service(name)
    for path in ("/api/services", "/api/burn"):
        seen: list[str] = []
        url = f"{path}?limit=3"
        sizes = []
        while url:
            response = await gateway.client.get(url)
            page = response.json()
            sizes.append(len(page))
            seen += [row.get("name") or row["service_name"] for row in page]
            url = response.links.get("next", {}).get("url", "")
        assert seen == names
        assert sizes == [3, 3, 1]


async def test_a_full_last_page_has_no_next(gateway: GatewayHarness) -> None:
    for name in ("a", "b"):
        await gateway.service(name)
    response = await gateway.client.get("/api/services?limit=2")
    assert len(response.json()) == 2
    assert "Link" not in response.headers


async def test_two_hundred_rows_unless_the_limit_says_otherwise(gateway: GatewayHarness) -> None:
    for i in range(201):
        await gateway.service(f"s{i}")
    for path in ("/api/services", "/api/burn"):
        assert len(await gateway.get(path)) == 200
        assert len(await gateway.get(path, limit="1000")) == 201


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=1e3", "limit"),
        ("cursor=!!", "cursor"),
        ("cursor=" + "A" * 200, "cursor"),
        ("cursor=_w", "cursor"),
        ("cursor=AA", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%F0%9F%92%A9", "cursor"),
    ],
)
async def test_wrong_paging_is_refused(gateway: GatewayHarness, query: str, field: str) -> None:
    for path in ("/api/services", "/api/burn"):
        response = await gateway.client.get(f"{path}?{query}")
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "%00",
        "a%00b",
        "%ED%A0%80",
        "A",
        "a" * 5000,
        "heatmap",
        "targets",
        "compute",
        "%20",
    ],
)
async def test_unknown_and_impossible_names_are_not_found(
    gateway: GatewayHarness, name: str
) -> None:
    paths = (
        f"/api/services/{name}",
        f"/api/slo/{name}",
        f"/api/slo/{name}/targets",
        f"/api/burn/{name}",
    )
    for path in paths:
        response = await gateway.client.get(path)
        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"
    for method in ("PUT", "DELETE"):
        wrong = await gateway.write(method, f"/api/services/{name}", b"{}")
        assert wrong.status_code == 404


async def test_writes_need_the_token_before_anything_is_looked_at(
    gateway: GatewayHarness,
) -> None:
    writes = [
        ("POST", "/api/services"),
        ("PUT", "/api/services/nobody"),
        ("DELETE", "/api/services/nobody"),
        ("POST", "/api/slo/nobody/targets"),
        ("PUT", "/api/slo/targets/999"),
        ("PUT", "/api/slo/targets/x"),
        ("DELETE", "/api/slo/targets/999"),
        ("POST", "/api/burn/compute"),
        ("POST", "/nowhere"),
    ]
    wrong = (None, "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff")
    for method, path in writes:
        for given in wrong:
            headers = {b"Authorization": given.encode("latin-1")} if given else {}
            response = await gateway.client.request(method, path, content=b"\xff{", headers=headers)
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_what_does_not_exist_is_not_found_before_the_body_is_judged(
    gateway: GatewayHarness,
) -> None:
    for method, path in (
        ("PUT", "/api/services/nobody"),
        ("POST", "/api/slo/nobody/targets"),
        ("PUT", "/api/slo/targets/999"),
    ):
        for body in (b"", b"\xff", b"{", b"{}", b'{"tier": 99}'):
            assert (await gateway.write(method, path, body)).status_code == 404
