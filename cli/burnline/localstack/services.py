"""The services of the stack and the environment variable that holds each one's port."""

import functools
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from burnline.localstack.command import Command
from burnline.localstack.state import local_url

PROBE_TIMEOUT_SECONDS: Final = 2.0
# Services of a stack speak plain HTTP. Without this each client would load all certificates of the
# machine, which takes 20 ms of a core at every probe; one that is given it trusts no certificate.
PLAIN_HTTP: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class Service:
    """A service by the name of its process, its module and its port's variable."""

    name: str
    module: str
    port_variable: str


SERVICES: Final = (
    Service("ingest", "ingest", "BURNLINE_INGEST_PORT"),
    Service("burnrate", "burnrate", "BURNRATE_PORT"),
    Service("forecast", "forecast", "FORECAST_PORT"),
    Service("gate", "gate", "GATE_PORT"),
    Service("alerts", "alerts", "ALERTS_PORT"),
    Service("api-gateway", "api_gateway", "BURNLINE_PORT"),
)


def service_commands(environment: dict[str, str], servers_are_ready: Path) -> list[Command]:
    """One process for each service; it begins its work once the file is there."""
    return [
        Command(
            name=service.name,
            argv=(),
            module=service.module,
            begins=servers_are_ready,
            probe=functools.partial(is_service_ready, base_url(environment, service)),
            environment=environment,
            layer=2,
        )
        for service in SERVICES
    ]


def base_url(environment: dict[str, str], service: Service) -> str:
    """Where the service listens."""
    return local_url(environment["BURNLINE_HOST"], environment[service.port_variable])


async def is_service_ready(url: str) -> bool:
    """Whether the service at this base URL says that it is ready."""
    answer = await readiness(url)
    return answer is not None and not answer.failing


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a service says of itself, by name: what it lacks to be ready, and what else is wrong."""

    failing: dict[str, str]
    warnings: dict[str, str]


async def readiness(url: str) -> Readiness | None:
    """What the service at this base URL says of itself; None without an answer."""
    try:
        async with httpx.AsyncClient(
            timeout=PROBE_TIMEOUT_SECONDS, trust_env=False, verify=PLAIN_HTTP
        ) as client:
            answer = (await client.get(f"{url}/readyz")).json()
            return Readiness(dict(answer["failing"]), dict(answer.get("warnings", {})))
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
