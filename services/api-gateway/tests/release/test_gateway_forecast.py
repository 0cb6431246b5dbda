"""/api/forecast: what is shown of what the forecast service has published."""

from datetime import timedelta
from typing import Any

import pytest

from common.kafka.sharding import shard_of
from common.slo.vocabulary import DataStatus
from forecast.domain.forecast import catching_up
from tests.support.burn_events import NOW, PARTITIONS, for_target, heartbeat, snapshot
from tests.support.gateway.forecasts import forecast_for, service_forecast, slo_forecast
from tests.support.gateway.harness import WHY, GatewayHarness

PATH = "/api/forecast/checkout"
CONTRACT: dict[str, tuple[type, ...]] = {
    "service_name": (str,),
    "time_to_exhaustion_hours": (int, float, type(None)),
    "projected_exhaustion_time": (str, type(None)),
    "burn_rate_trend": (str,),
    "confidence_level": (str,),
    "forecast_message": (str,),
    "data_points_used": (int,),
}


def has_the_contracts_fields(body: dict[str, Any]) -> bool:
    return all(isinstance(body[name], kinds) for name, kinds in CONTRACT.items())


async def reporting(gateway: GatewayHarness) -> None:
    """Let checkout report, with one target, and have a forecast for it."""
    await gateway.service()
    target = await gateway.target()
    await gateway.feed(
        snapshot("checkout", for_target(target)),
        heartbeat(shard_of("checkout", PARTITIONS)),
        service_forecast("checkout", forecast_for(target)),
    )


async def test_the_forecast_has_the_contracts_fields_and_those_beside(
    gateway: GatewayHarness,
) -> None:
    await reporting(gateway)
    body = await gateway.get(PATH)
    assert has_the_contracts_fields(body)
    assert body["time_to_exhaustion_hours"] == body["p50_hours"] == 9
    assert body["projected_exhaustion_time"] == "2026-03-02T21:00:30Z"
    assert (body["p10_hours"], body["p90_hours"]) == (6, None)
    assert (body["burn_rate_trend"], body["confidence_level"]) == ("increasing", "high")
    assert (body["slo_id"], body["slo_name"], body["data_status"]) == (1, "main", "ok")
    assert body["models"][1] == {"model": "window_over_burn_rate", "hours": None}
    assert [slo["name"] for slo in body["slos"]] == ["main"]


async def test_a_forecast_whose_counts_are_being_read_says_that_it_does_not_know(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    main = await gateway.target()
    other = await gateway.target(name="other", objective=0.5)
    calm = forecast_for(other, time_to_exhaustion_hours=None, p50_hours=None)
    figures = for_target(main, error_budget_remaining=0.4)
    await gateway.feed(
        snapshot("checkout", figures, for_target(other, error_budget_remaining=0.9)),
        heartbeat(shard_of("checkout", PARTITIONS)),
        service_forecast("checkout", calm, catching_up(figures, "checkout", NOW)),
    )
    body = await gateway.get(PATH)
    assert has_the_contracts_fields(body)
    assert (body["slo_name"], body["forecast_status"]) == ("main", "catching_up")
    assert body["time_to_exhaustion_hours"] is None
    assert body["data_points_used"] == 0
    assert "is not known yet" in body["forecast_message"]
    assert [slo["forecast_status"] for slo in body["slos"]] == ["catching_up", "known"]
    [row] = (await gateway.get("/api/overview"))["services"]
    assert row["forecast"]["forecast_status"] == "catching_up"
    assert row["forecast"]["time_to_exhaustion_hours"] is None


async def test_an_unknown_service_is_not_found(gateway: GatewayHarness) -> None:
    response = await gateway.client.get("/api/forecast/nobody")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_service")


async def test_a_known_service_without_data_has_a_forecast_that_says_so(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    body = await gateway.get(PATH)
    assert has_the_contracts_fields(body)
    assert body["time_to_exhaustion_hours"] is None
    assert (body["data_status"], body["confidence_level"]) == ("no_data", "low")
    assert body["forecast_status"] == "no_data"
    assert "Nothing has been reported for checkout" in body["forecast_message"]


async def test_a_service_that_reports_and_has_no_forecast_yet_says_so(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    await gateway.feed(snapshot("checkout"), heartbeat(shard_of("checkout", PARTITIONS)))
    body = await gateway.get(PATH)
    assert (body["data_status"], body["confidence_level"]) == ("lagging", "low")
    assert "no forecast for checkout" in body["forecast_message"]
    assert body["forecast_status"] == "pending"
    assert body["current_burn_rate"] == 2.0


async def test_forecasts_stand_in_the_order_of_targets_and_one_is_asked_for_by_id_or_name(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    main = await gateway.target()
    other = await gateway.target(name="other", objective=0.5)
    await gateway.feed(
        snapshot("checkout", for_target(main), for_target(other)),
        heartbeat(shard_of("checkout", PARTITIONS)),
        service_forecast(
            "checkout",
            forecast_for(other, time_to_exhaustion_hours=1.0),
            forecast_for(main),
        ),
    )
    for query, name in (({}, "other"), ({"slo": "1"}, "main"), ({"slo": "main"}, "main")):
        body = await gateway.get(PATH, **query)
        assert body["slo_name"] == name
        assert [slo["name"] for slo in body["slos"]] == ["main", "other"]
    response = await gateway.client.get(PATH, params={"slo": "third"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] == "unknown_target"
    assert "main, other" in response.text


async def test_a_forecast_counts_only_for_the_revision_it_was_made_for(
    gateway: GatewayHarness,
) -> None:
    await reporting(gateway)
    await gateway.write("PUT", "/api/slo/targets/1", {"objective": 0.9, **WHY})
    body = await gateway.get(PATH)
    assert (body["time_to_exhaustion_hours"], body["data_status"]) == (None, "lagging")
    await gateway.write("DELETE", "/api/slo/targets/1", WHY)
    body = await gateway.get(PATH)
    assert [slo["id"] for slo in body["slos"]] == [None]


@pytest.mark.parametrize(("age_seconds", "status"), [(90, "ok"), (91, "lagging")])
async def test_a_forecast_past_its_lifetime_is_not_believed(
    gateway: GatewayHarness, age_seconds: int, status: str
) -> None:
    await reporting(gateway)
    gateway.now[0] = NOW + timedelta(seconds=age_seconds)
    await gateway.feed(heartbeat(shard_of("checkout", PARTITIONS), gateway.now[0]))
    body = await gateway.get(PATH)
    assert body["data_status"] == status
    assert body["confidence_level"] == ("high" if status == "ok" else "low")
    assert ("2 minutes old" in body["forecast_message"]) is (status == "lagging")


async def test_the_forecast_of_a_silent_shard_does_not_look_fresh(gateway: GatewayHarness) -> None:
    await reporting(gateway)
    gateway.now[0] = NOW + timedelta(seconds=40)
    body = await gateway.get(PATH)
    assert (body["data_status"], body["confidence_level"]) == ("lagging", "low")
    assert "lagging" in body["forecast_message"]
    assert body["slos"][0]["data_status"] == "lagging"


async def test_a_stale_service_has_a_stale_forecast(gateway: GatewayHarness) -> None:
    await reporting(gateway)
    later = NOW + timedelta(seconds=1)
    stale = for_target({**await target_of(gateway)}, data_status=DataStatus.STALE)
    await gateway.feed(
        snapshot("checkout", stale, data_status=DataStatus.STALE, evaluated_at=later)
    )
    body = await gateway.get(PATH)
    assert (body["data_status"], body["confidence_level"]) == ("stale", "low")


async def target_of(gateway: GatewayHarness) -> dict[str, Any]:
    targets: list[dict[str, Any]] = await gateway.get("/api/slo/checkout/targets")
    return targets[0]


async def test_the_newest_forecast_holds_in_whatever_order_they_come(
    gateway: GatewayHarness,
) -> None:
    await gateway.service()
    versions = [(2, 0), (1, 9), (2, 5), (2, 5), (2, 3)]
    await gateway.feed(snapshot("checkout"), heartbeat(shard_of("checkout", PARTITIONS)))
    for epoch, seconds in versions:
        hours = epoch * 100.0 + seconds
        await gateway.feed(
            service_forecast(
                "checkout",
                slo_forecast(time_to_exhaustion_hours=hours),
                epoch=epoch,
                evaluated_at=NOW + timedelta(seconds=seconds),
            )
        )
    assert (await gateway.get(PATH))["time_to_exhaustion_hours"] == 205


async def test_a_record_that_is_no_forecast_changes_nothing(gateway: GatewayHarness) -> None:
    await reporting(gateway)
    for value in (b"", b"{", b'{"type":"service_forecast"}', None):
        await gateway.feed_bytes("slo.forecasts.v1", value)
    assert (await gateway.get(PATH))["time_to_exhaustion_hours"] == 9
