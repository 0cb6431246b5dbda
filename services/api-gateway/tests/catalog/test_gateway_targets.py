"""SLO targets over REST: what may be asked for, and what it becomes."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields as fields_of

from api_gateway.catalog.definitions import changed_spec, new_spec
from api_gateway.catalog.domain import nearest_bounds
from api_gateway.catalog.repository import slo_targets
from api_gateway.catalog.schemas import NewTarget, TargetFields, TargetUpdate
from common.events import SloStatus, TargetChanged, TargetSpec
from common.invalid_field import InvalidFieldError
from common.kafka.topics import CATALOG
from common.slo.vocabulary import MAX_TARGETS, SliType
from tests.support.gateway.harness import WHY, GatewayHarness
from tests.support.gateway.results import store_latency

PATH = "/api/slo/checkout/targets"
AVAILABILITY = {"name": "main", "sli_type": "availability", "objective": 0.999}
LATENCY: dict[str, Any] = {
    "name": "fast",
    "sli_type": "latency",
    "objective": 0.99,
    "threshold_seconds": 0.25,
}
ERROR_RATE = {"name": "errors", "sli_type": "error_rate", "max_error_ratio": 0.01}


async def test_created_target_has_its_defaults_and_is_announced(gateway: GatewayHarness) -> None:
    await gateway.service()
    response = await gateway.write("POST", PATH, AVAILABILITY)
    assert response.status_code == 201
    assert response.headers["Location"] == "/api/slo/targets/1"
    created = response.json()
    expected = {
        **AVAILABILITY,
        "id": 1,
        "service_name": "checkout",
        "window_days": 30,
        "threshold_seconds": None,
        "max_error_ratio": None,
        "min_bad_events": 1,
    }
    assert {key: created[key] for key in expected} == expected
    assert await gateway.get(PATH) == [created]
    assert (await gateway.announced(CATALOG))[-1] == TargetChanged(
        revision=created["revision"],
        id=1,
        service_name="checkout",
        name="main",
        sli_type=SliType.AVAILABILITY,
        objective="0.999",
        window_days=30,
        threshold_seconds=None,
        max_error_ratio=None,
        min_bad_events=1,
        retired=False,
    )


@pytest.mark.parametrize(
    ("given_objective", "stored"),
    [
        ("0.999", "0.999"),
        ("99.9", "0.999"),
        ("99.99", "0.9999"),
        ("50.5", "0.505"),
        ("0.9990", "0.999"),
        ("9.99e1", "0.999"),
        ("0.999999999999", "0.999999999999"),
        ("0.000000000001", "0.000000000001"),
    ],
)
async def test_objectives_are_kept_exactly(
    gateway: GatewayHarness, given_objective: str, stored: str
) -> None:
    await gateway.service()
    body = f'{{"name": "a", "sli_type": "availability", "objective": {given_objective}}}'
    response = await gateway.write("POST", PATH, body.encode())
    assert response.status_code == 201
    assert response.json()["objective"] == float(stored)
    announced = (await gateway.announced(CATALOG))[-1]
    assert isinstance(announced, TargetChanged)
    assert announced.objective == stored


@pytest.mark.parametrize("stated", [{}, {"objective": 0.99}, {"objective": 99}])
async def test_error_rate_is_one_minus_the_objective(
    gateway: GatewayHarness, stated: dict[str, float]
) -> None:
    await gateway.service()
    response = await gateway.write("POST", PATH, {**ERROR_RATE, **stated})
    assert response.status_code == 201
    assert (response.json()["objective"], response.json()["max_error_ratio"]) == (0.99, 0.01)
    announced = (await gateway.announced(CATALOG))[-1]
    assert isinstance(announced, TargetChanged)
    assert (announced.objective, announced.max_error_ratio) == ("0.99", "0.01")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *(
            ({**AVAILABILITY, "objective": value}, "objective")
            for value in (0, 1, 1.5, 50, 100, 100.1, -0.5, 1e-13, True, "0.999", None, [0.9])
        ),
        ({**AVAILABILITY, "objective": 0.9999999999999}, "objective"),
        ({**AVAILABILITY, "max_error_ratio": 0.1}, "max_error_ratio"),
        ({**AVAILABILITY, "threshold_seconds": 0.1}, "threshold_seconds"),
        ({**ERROR_RATE, "threshold_seconds": 0.1}, "threshold_seconds"),
        *(
            ({**ERROR_RATE, "max_error_ratio": value}, "max_error_ratio")
            for value in (0, 1, 5, -1, True, "0.1")
        ),
        ({**ERROR_RATE, "objective": 0.9}, "max_error_ratio"),
        ({**ERROR_RATE, "max_error_ratio": None}, "objective"),
        *(
            ({**LATENCY, "threshold_seconds": value}, "threshold_seconds")
            for value in (0, -1, 3601, True, "0.1", None)
        ),
        *(
            ({**AVAILABILITY, "window_days": value}, "window_days")
            for value in (0, 1, 31, 7.5, True, "30")
        ),
        *(
            ({**AVAILABILITY, "min_bad_events": value}, "min_bad_events")
            for value in (-1, 0.5, True, 10**10)
        ),
        *(({**AVAILABILITY, "name": value}, "name") for value in ("", "n" * 129, "a\0", 3, None)),
        *(({**AVAILABILITY, "sli_type": v}, "sli_type") for v in ("throughput", "", 1, None)),
        ({**AVAILABILITY, "id": 5}, "id"),
        ({**AVAILABILITY, "service_name": "cart"}, "service_name"),
        ({**AVAILABILITY, "colour": "red"}, "colour"),
    ],
)
async def test_wrong_target_is_refused_by_field(
    gateway: GatewayHarness, body: dict[str, Any], field: str
) -> None:
    await gateway.service()
    response = await gateway.write("POST", PATH, json.dumps(body).encode())
    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert await gateway.database.rows("SELECT * FROM catalog.slo_targets") == []


async def test_the_same_name_or_the_same_measure_is_a_conflict(gateway: GatewayHarness) -> None:
    await gateway.service()
    await gateway.service("cart")
    for body in (AVAILABILITY, LATENCY, ERROR_RATE):
        assert (await gateway.write("POST", PATH, body)).status_code == 201
    for body, field in (
        ({**AVAILABILITY, "objective": 0.5}, "name"),
        ({**AVAILABILITY, "name": "other"}, "objective"),
        ({**AVAILABILITY, "name": "other", "objective": 99.90}, "objective"),
        ({**LATENCY, "name": "other", "min_bad_events": 5}, "objective"),
    ):
        response = await gateway.write("POST", PATH, body)
        assert response.status_code == 409
        assert response.json()["errors"][0]["field"] == field
    for body in (
        {**AVAILABILITY, "name": "a", "window_days": 7},
        {**LATENCY, "name": "b", "threshold_seconds": 0.5},
    ):
        assert (await gateway.write("POST", PATH, body)).status_code == 201
    elsewhere = await gateway.write("POST", "/api/slo/cart/targets", AVAILABILITY)
    assert elsewhere.status_code == 201


async def test_one_measure_may_be_promised_of_several_indicators(gateway: GatewayHarness) -> None:
    await gateway.service()
    of_requests = await gateway.target()
    assert of_requests["indicator"] == "default"
    again = {key: of_requests[key] for key in ("sli_type", "objective", "window_days")}
    made = await gateway.target(**again, name="payments", indicator="payments")
    assert (made["indicator"], made["objective"]) == ("payments", of_requests["objective"])
    path = f"/api/slo/targets/{made['id']}"
    moved = await gateway.write("PUT", path, {"indicator": "refunds", **WHY})
    assert moved.json()["indicator"] == "refunds"
    answer = await gateway.write("PUT", path, {"indicator": "Refunds"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_indicator")


async def test_a_deleted_target_makes_room_for_another(gateway: GatewayHarness) -> None:
    await gateway.service()
    target = await gateway.target()
    path = f"/api/slo/targets/{target['id']}"
    assert (await gateway.write("DELETE", path, WHY)).status_code == 204
    assert (await gateway.write("DELETE", path)).status_code == 404
    assert await gateway.get(PATH) == []
    assert (await gateway.target())["id"] == 2


async def test_update_keeps_what_it_does_not_name(gateway: GatewayHarness) -> None:
    await gateway.service()
    old = await gateway.target(window_days=7, min_bad_events=3)
    path = f"/api/slo/targets/{old['id']}"
    response = await gateway.write("PUT", path, {"objective": 95, **WHY})
    assert response.status_code == 200
    changed = response.json()
    assert changed["revision"] > old["revision"]
    assert changed["updated_at"] > old["updated_at"]
    own = {name: changed[name] for name in ("revision", "updated_at")}
    assert changed == {**old, "objective": 0.95, **own}
    whole = {k: v for k, v in changed.items() if not k.endswith("_at") and k != "revision"}
    assert (await gateway.write("PUT", path, whole)).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"id": 9}, 422, "id"),
        ({"service_name": "cart"}, 422, "service_name"),
        ({"objective": 1}, 422, "objective"),
        ({"sli_type": "latency"}, 422, "threshold_seconds"),
        ({"threshold_seconds": 1}, 422, "threshold_seconds"),
        ({"name": "fast"}, 409, "name"),
        ({"sli_type": "latency", "objective": 0.99, "threshold_seconds": 0.25}, 409, "objective"),
    ],
)
async def test_wrong_update_is_refused_by_field(
    gateway: GatewayHarness, change: dict[str, Any], status: int, field: str
) -> None:
    await gateway.service()
    target = await gateway.target()
    await gateway.target(**LATENCY)
    before = await gateway.get(PATH)
    response = await gateway.write("PUT", f"/api/slo/targets/{target['id']}", change)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["field"] == field
    assert await gateway.get(PATH) == before


@pytest.mark.parametrize(
    "target_id", ["0", "-1", "x", "9" * 40, "1.5", "%00", "9223372036854775808"]
)
async def test_what_can_be_no_id_is_refused(gateway: GatewayHarness, target_id: str) -> None:
    for method in ("PUT", "DELETE"):
        response = await gateway.write(method, f"/api/slo/targets/{target_id}", b"{}")
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "id"
    largest = await gateway.write("DELETE", "/api/slo/targets/9223372036854775807")
    assert largest.status_code == 404


async def test_latency_threshold_must_be_a_bound_once_bounds_are_known(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    target = await gateway.target(**LATENCY)
    for bounds in ((0.1, 0.5), (0.1, 1.0)):
        await store_latency(gateway.database, "checkout", bounds, [1, 1, 1], 3600)
    path = f"/api/slo/targets/{target['id']}"
    for threshold, nearest in ((0.3, "0.1 and 0.5"), (0.05, "0.1"), (2, "1.0")):
        for method, where in (("POST", PATH), ("PUT", path)):
            wanted = {**LATENCY, "name": "new", "threshold_seconds": threshold}
            response = await gateway.write(method, where, wanted)
            assert response.status_code == 422
            assert response.json()["errors"][0]["field"] == "threshold_seconds"
            assert response.json()["detail"].endswith(f"nearest: {nearest}")
    moved = await gateway.write("PUT", path, {"threshold_seconds": 1, **WHY})
    assert (moved.status_code, moved.json()["threshold_seconds"]) == (200, 1.0)


async def test_a_threshold_that_stays_is_not_asked_about_again(gateway: GatewayHarness) -> None:
    await gateway.service()
    target = await gateway.target(**LATENCY)
    await store_latency(gateway.database, "checkout", (0.1, 0.5), [1, 1, 1], 3600)
    path, milder = f"/api/slo/targets/{target['id']}", {"objective": 0.95, **WHY}
    response = await gateway.write("PUT", path, milder)
    assert response.status_code == 200


OLD = TargetSpec("n", SliType.LATENCY, Decimal("0.9"), 30, 0.5, None, 1)


def test_a_change_of_kind_drops_what_belongs_to_the_old_one() -> None:
    changed = changed_spec(TargetUpdate(sli_type=SliType.ERROR_RATE), OLD)
    assert (changed.threshold_seconds, changed.max_error_ratio) == (None, Decimal("0.1"))
    back = changed_spec(TargetUpdate(sli_type=SliType.AVAILABILITY), changed)
    assert back.max_error_ratio is None


@given(st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from(SliType))
def test_every_number_is_kept_exactly_or_refused(value: Decimal, kind: SliType) -> None:
    threshold = Decimal(1) if kind is SliType.LATENCY else None
    request = NewTarget(name="n", sli_type=kind, objective=value, threshold_seconds=threshold)
    exponent = value.as_tuple().exponent
    exact = isinstance(exponent, int) and exponent >= -12
    if not (exact and (0 < value < 1 or 50 < value < 100)):
        with pytest.raises(InvalidFieldError, match=r"^objective: "):
            new_spec(request)
        return
    objective = new_spec(request).objective
    assert 0 < objective < 1
    assert objective in {value, value / 100}
    assert float(1 - objective) > 0


def test_nearest_bounds() -> None:
    known = [(0.1, 0.5), (0.25,)]
    assert nearest_bounds(0.3, known) == (0.25, 0.5)
    assert nearest_bounds(0.5, known) is None
    assert nearest_bounds(0.05, known) == (0.1,)
    assert nearest_bounds(9, known) == (0.5,)
    assert nearest_bounds(9, []) is None


async def test_one_target_too_many_is_refused_until_another_is_deleted(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()

    async def create(number: int) -> Any:
        objective = round(0.9 + number / 10_000, 4)
        wanted = {"name": f"t{number}", "sli_type": "availability", "objective": objective}
        return await gateway.write("POST", PATH, wanted)

    for number in range(MAX_TARGETS):
        assert (await create(number)).status_code == 201
    refused = await create(MAX_TARGETS)
    assert refused.status_code == 409
    assert f"{MAX_TARGETS} targets" in refused.text
    await gateway.write("DELETE", "/api/slo/targets/1", WHY)
    assert (await create(MAX_TARGETS)).status_code == 201


def test_every_field_of_a_target_is_asked_for_stored_announced_evaluated_and_answered() -> None:
    names = set(TargetSpec.__struct_fields__)
    assert names == set(TargetFields.model_fields)
    assert names <= set(NewTarget.model_fields) & set(TargetUpdate.model_fields)
    assert names <= set(slo_targets.c.keys())
    answered = {field.encode_name for field in fields_of(SloStatus)}
    assert names <= set(TargetChanged.__struct_fields__) & answered


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"objective": 0.999}, None),
        ({"objective": 0.5}, None),
        ({"objective": 0.4}, "600 of 1,000 requests may fail"),
        ({"objective": 0.0005}, "9,995 of 10,000 requests may fail"),
        ({"objective": 0.000000000001}, "999,999 of 1,000,000 requests may fail"),
        (
            {"sli_type": "error_rate", "objective": None, "max_error_ratio": 0.999},
            "999 of 1,000 requests may fail",
        ),
        ({"sli_type": "error_rate", "objective": None, "max_error_ratio": 0.001}, None),
    ],
)
async def test_an_objective_that_hardly_anybody_means_is_told_in_words(
    gateway: GatewayHarness, fields: dict[str, Any], warning: str | None
) -> None:
    await gateway.service()
    made = await gateway.target(**fields)
    assert made["warning"] == warning
    assert [t["warning"] for t in await gateway.get(PATH)] == [warning]
    asked = {"objective": str(made["objective"])}
    assert (await gateway.get("/api/slo/checkout/preview", **asked))["warning"] == warning
