"""Declaring the demonstration: against a gateway that remembers, and one that refuses."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from burnline.errors import StackError
from burnline.localstack import demo_services
from ingest.simulator.counts import BOUNDS_SECONDS
from ingest.simulator.services import SERVICES


class FakeGateway:
    """Services and targets by name; a service may have been discovered before."""

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {}
        self.targets: dict[tuple[str, str], dict[str, Any]] = {}
        self.authorizations: set[str | None] = set()
        self.refuse_next = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.authorizations.add(request.headers.get("Authorization"))
        if self.refuse_next:
            self.refuse_next -= 1
            return httpx.Response(429, headers={"Retry-After": "0"})
        body = json.loads(request.content or b"{}")
        match request.method, request.url.path.split("/")[2:]:
            case "POST", ["services"]:
                return self._add(self.services, body["name"], body)
            case "GET", ["services", name]:
                return httpx.Response(200, json=self.services[name])
            case "PUT", ["services", name]:
                self.services[name] |= body
                return httpx.Response(200, json=self.services[name])
            case "POST", ["slo", name, "targets"]:
                assert name in self.services
                return self._add(self.targets, (name, body["name"]), body)
        return httpx.Response(404)

    def _add(self, known: dict[Any, Any], key: object, body: dict[str, Any]) -> httpx.Response:
        if key in known:
            return httpx.Response(409)
        known[key] = body
        return httpx.Response(201, json=body)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    fake = FakeGateway()
    client: Callable[..., httpx.Client] = partial(httpx.Client, transport=httpx.MockTransport(fake))
    monkeypatch.setattr(httpx, "Client", client)
    return fake


def test_everything_is_declared_once(gateway: FakeGateway) -> None:
    assert demo_services.declare("http://gateway", "secret") == 12 + 15
    assert demo_services.declare("http://gateway", "secret") == 0
    assert gateway.authorizations == {"Bearer secret"}
    assert gateway.services["checkout"]["tier"] == 1
    assert {name for name, _ in gateway.targets} == {service.name for service in SERVICES}


def test_a_discovered_service_gets_its_owner_and_a_changed_one_keeps_its_own(
    gateway: FakeGateway,
) -> None:
    bare = {"tier": 3, "owner": "", "description": None}
    gateway.services = {
        "checkout": {"name": "checkout", **bare},
        "payments": {"name": "payments", "tier": 2, "owner": "me", "description": None},
    }
    demo_services.declare("http://gateway", "secret")
    assert gateway.services["checkout"]["owner"] == "team-buying"
    assert gateway.services["payments"]["owner"] == "me"


def test_it_waits_where_the_gateway_asks_for_it(gateway: FakeGateway) -> None:
    gateway.refuse_next = 3
    assert demo_services.declare("http://gateway", "secret") == 12 + 15


def test_a_refusal_is_an_error_with_the_answer(gateway: FakeGateway) -> None:
    gateway.refuse_next = 100
    with pytest.raises(StackError, match="POST /api/services: 429"):
        demo_services.declare("http://gateway", "secret")


def test_latency_thresholds_are_bounds_of_the_simulated_histograms() -> None:
    thresholds = [t[key] for t in demo_services.TARGETS if (key := "threshold_seconds") in t]
    assert len(thresholds) == 2
    assert set(thresholds) <= set(BOUNDS_SECONDS)


def test_a_container_declares_once_so_that_what_is_deleted_stays_deleted(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    environ = {"BURNLINE_DATA_DIR": str(tmp_path), "BURNLINE_API_TOKEN": "secret"}
    assert demo_services.declare_as_configured(environ) == "27 services and targets declared"
    del gateway.services["checkout"]
    assert demo_services.declare_as_configured(environ) == "0 services and targets declared"
    assert "checkout" not in gateway.services


@pytest.mark.parametrize(
    "environ",
    [{}, {"BURNLINE_API_TOKEN": "secret", "ENABLE_METRICS_SIMULATOR": "false"}],
    ids=["no token", "no simulator"],
)
def test_a_container_declares_nothing_without_token_or_simulator(
    gateway: FakeGateway, tmp_path: Path, environ: dict[str, str]
) -> None:
    demo_services.declare_as_configured({"BURNLINE_DATA_DIR": str(tmp_path), **environ})
    assert gateway.services == {}
