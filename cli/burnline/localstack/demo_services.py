"""Declares the services of the demonstration, with their owners and targets, through the API.

`python -m burnline.localstack.demo_services` does so once, where the environment has both
simulator and token.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from burnline.errors import StackError
from burnline.localstack.config import DataDir, StackConfig
from ingest.simulator.services import SERVICES

TIMEOUT_SECONDS: Final = 10.0
ATTEMPTS: Final = 5
# the simulator may have brought the gate to block before anything is declared
REASON: Final = "declared for the demonstration"


def _target(service_name: str, name: str, sli_type: str, **asked: float) -> dict[str, Any]:
    named = {"service_name": service_name, "name": name, "sli_type": sli_type}
    return {**named, **asked, "reason": REASON}


# as the API takes them; the thresholds are bounds of the simulator's histograms
TARGETS: Final = (
    *(
        _target(s.name, "availability", "availability", objective=float(s.availability_objective))
        for s in SERVICES
    ),
    _target("search", "fast answers", "latency", objective=0.99, threshold_seconds=0.5),
    _target("checkout", "fast answers", "latency", objective=0.99, threshold_seconds=1.0),
    _target("inventory", "few errors", "error_rate", max_error_ratio=0.005),
)


def declare(base_url: str, token: str) -> int:
    """Declare what is not declared yet; return how many services and targets were.

    What somebody has changed stays as it is. Raises StackError where the gateway does not take it.
    """
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=base_url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as client:
        return _declare_services(client) + _declare_targets(client)


def _declare_services(client: httpx.Client) -> int:
    declared = 0
    for service in SERVICES:
        wording = {
            "tier": service.tier,
            "owner": service.owner,
            "description": service.description,
        }
        path = f"/api/services/{service.name}"
        answer = _send(client, "POST", "/api/services", {"name": service.name, **wording})
        if answer.status_code == httpx.codes.CREATED:
            declared += 1
        elif _is_only_discovered(client, path):
            _send(client, "PUT", path, {**wording, "reason": REASON})
            declared += 1
    return declared


def _is_only_discovered(client: httpx.Client, path: str) -> bool:
    """Tell a service that nobody declared: it reported first, and has no owner."""
    found = _send(client, "GET", path).json()
    return found["owner"] == "" and found["description"] is None


def _declare_targets(client: httpx.Client) -> int:
    paths = [(f"/api/slo/{target['service_name']}/targets", target) for target in TARGETS]
    answers = [_send(client, "POST", path, target) for path, target in paths]
    return sum(answer.status_code == httpx.codes.CREATED for answer in answers)


def _send(
    client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None
) -> httpx.Response:
    """Return an answer that is a success or a 409; wait where the gateway asks for patience."""
    for _ in range(ATTEMPTS):
        try:
            answer = client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise StackError(f"{method} {path}: the gateway does not answer: {error}") from error
        if answer.is_success or answer.status_code == httpx.codes.CONFLICT:
            return answer
        if "Retry-After" not in answer.headers:
            break
        time.sleep(min(float(answer.headers["Retry-After"]), TIMEOUT_SECONDS))
    raise StackError(f"{method} {path}: {answer.status_code} {answer.text}")


def declare_once(directory: DataDir, base_url: str, token: str) -> int:
    """Declare unless that was done before: what a user deletes stays deleted.

    Raises StackError as `declare` does.
    """
    if directory.demo_declared.exists():
        return 0
    declared = declare(base_url, token)
    directory.demo_declared.touch()
    return declared


def declare_as_configured(environ: Mapping[str, str] = os.environ) -> str:
    """Declare at BURNLINE_URL where there is a simulator and a token; return what came of it."""
    config = StackConfig.from_environment(environ)
    if not config.simulator:
        return "no simulator, nothing to declare"
    if config.token is None:
        return "no BURNLINE_API_TOKEN, so the simulated services keep the default target"
    base_url = environ.get("BURNLINE_URL") or "http://127.0.0.1:8000"
    declared = declare_once(config.data_dir, base_url, config.token)
    return f"{declared} services and targets declared"


def main() -> None:
    """Say what was done; end with an error where the gateway does not take it."""
    try:
        sys.stdout.write(f"{declare_as_configured()}\n")
    except StackError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
