"""The same servers in containers: what `TESTS_USE_CONTAINERS=1` runs the tests on.

Images and accounts are those of docker-compose.yml, settings those of the processes that the tests
run on otherwise; a machine with Docker needs neither Java nor Maven. Every container carries the
process that it belongs to; whoever comes later, or ends last, removes those whose process is gone,
so that none outlives the tests for long, however they end. The library's own way to do so (Ryuk)
is one more image, with rights over the whole engine and a port open to the network.
"""

import asyncio
import base64
import os
import secrets
import socket
import uuid
from typing import Any, Final, cast

import docker
from docker.errors import APIError, NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from burnline.localstack.command import Probe
from burnline.localstack.config import DataDir
from burnline.localstack.kafka import HEAP, PROPERTIES, answers
from burnline.localstack.ports import LOOPBACK
from burnline.localstack.postgres import USER, PostgresNode
from burnline.localstack.postgres_home import PostgresHome, wheel_binaries
from burnline.localstack.processes import ProcessIdentity
from tests.support.compose_file import services
from tests.support.servers.running import Server, held_port

OWNER_HOST: Final = "burnline.tests.owner-host"
OWNER_PID: Final = "burnline.tests.owner-pid"
OWNER_STARTED: Final = "burnline.tests.owner-started"
_CONTROLLER_PORT: Final = 19_093
_KAFKA_DATA: Final = "/var/lib/kafka/data"

testcontainers_config.ryuk_disabled = True


def image(service: str) -> str:
    """Name and tag of the image that docker-compose.yml gives to a service."""
    return str(services()[service]["image"])


def container(service: str, command: list[str] | None = None) -> DockerContainer:
    """A container of a service's image and account, marked as ours and not made yet."""
    user = services()[service]["user"]
    made = DockerContainer(image(service), user=user, labels=owner_labels())
    return made if command is None else made.with_command(command)


class ContainerServer(Server):
    """A server in a container; its data are in a volume that goes with it."""

    def __init__(self, container: DockerContainer, ports: dict[int, int], probe: Probe) -> None:
        super().__init__(container.image, probe)
        # the library's type knows no address beside the port
        addressed = cast("dict[str, Any]", container.ports)
        addressed.update({f"{inner}/tcp": (LOOPBACK, port) for inner, port in ports.items()})
        self._container = container
        self._is_made = False

    async def kill(self) -> None:
        wrapped = self._container.get_wrapped_container()
        await asyncio.to_thread(wrapped.kill)
        await asyncio.to_thread(wrapped.wait)

    @property
    def is_running(self) -> bool:
        if not self._is_made:
            return False
        self._container.reload()
        return self._container.status == "running"

    def end_at_once(self) -> None:
        """Remove the container and its volume: nobody needs what an orderly end would write."""
        if self._is_made:
            self._is_made = False
            self._container.stop()

    async def _begin(self) -> None:
        await asyncio.to_thread(self._run)

    def _run(self) -> None:
        if self._is_made:
            self._container.get_wrapped_container().start()
            return
        remove_orphans()
        self._is_made = True
        self._container.start()

    def _log_tail(self) -> str:
        logs = self._container.get_logs() if self._is_made else ()
        return b"".join(logs).decode(errors="replace")[-4000:]


class ContainerServers:
    """PostgreSQL and Kafka; Kafka gives those who come to `proxied_port` the port `proxy_port`."""

    def __init__(self, data_dir: DataDir, proxied_port: int, proxy_port: int) -> None:
        self.place, self.kafka_version = "in a container", image("kafka").partition(":")[2]
        home = PostgresHome(data_dir.path, wheel_binaries(), None, secrets.token_urlsafe(24))
        self.node = PostgresNode(home, LOOPBACK, held_port())
        self.postgres: Server = postgres_server(self.node)
        port = held_port()
        self.bootstrap = f"{LOOPBACK}:{port}"
        self.kafka: Server = kafka_server(port, proxied_port, proxy_port)

    def discard(self) -> None:
        """Remove both."""
        self.kafka.end_at_once()
        self.postgres.end_at_once()


def postgres_server(node: PostgresNode) -> ContainerServer:
    """PostgreSQL with the account and the port of this node."""
    made = container("postgres", ["postgres", "-c", "max_connections=100"])
    made.with_envs(POSTGRES_USER=USER, POSTGRES_PASSWORD=node.home.password)
    return ContainerServer(made, {5432: node.port}, node.is_ready)


def kafka_server(port: int, proxied_port: int, proxy_port: int) -> ContainerServer:
    """A broker on `port`, inside and outside, since it reaches itself by what it gives out."""
    made = container("kafka").with_envs(**kafka_environment(port, proxied_port, proxy_port))
    bootstrap = f"{LOOPBACK}:{port}"
    return ContainerServer(
        made, {port: port, proxied_port: proxied_port}, lambda: answers(bootstrap)
    )


def kafka_environment(port: int, proxied_port: int, proxy_port: int) -> dict[str, str]:
    """Return the settings of the embedded broker in the form that the image takes."""
    text = PROPERTIES.format(
        host=LOOPBACK, port=port, controller_port=_CONTROLLER_PORT, data=_KAFKA_DATA
    )
    found = dict(line.split("=", 1) for line in text.splitlines())
    controller = f"CONTROLLER://{LOOPBACK}:{_CONTROLLER_PORT}"
    found["listeners"] = f"PLAINTEXT://:{port},PROXIED://:{proxied_port},{controller}"
    found["advertised.listeners"] += f",PROXIED://{LOOPBACK}:{proxy_port}"
    found["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
    settings = {f"KAFKA_{name.upper().replace('.', '_')}": found[name] for name in found}
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    memory = " ".join(option for option in HEAP if option.startswith("-Xm"))
    compiler = {"JDK_JAVA_OPTIONS": os.environ.get("JDK_JAVA_OPTIONS", "")}
    return {**settings, **compiler, "CLUSTER_ID": cluster_id, "KAFKA_HEAP_OPTS": memory}


def redis_server(port: int, probe: Probe) -> ContainerServer:
    """Redis without a file, which takes those who come through the published port."""
    made = container("redis", ["redis-server", "--save", "", "--protected-mode", "no"])
    return ContainerServer(made, {6379: port}, probe)


def owner_labels() -> dict[str, str]:
    """What marks a container as one of this process."""
    owner = ProcessIdentity.of(os.getpid())
    assert owner is not None
    return {
        OWNER_HOST: socket.gethostname(),
        OWNER_PID: str(owner.pid),
        OWNER_STARTED: owner.started,
    }


def is_orphan(labels: dict[str, str]) -> bool:
    """Whether the process that a container was made by is gone.

    Others may use the same engine, from a container of their own say: their processes are not seen.
    """
    if labels[OWNER_HOST] != socket.gethostname():
        return False
    return not ProcessIdentity(int(labels[OWNER_PID]), labels[OWNER_STARTED]).is_alive()


def remove_orphans() -> list[str]:
    """Remove the containers of processes of tests that are gone; return their ids."""
    client = docker.from_env()
    try:
        found = client.containers.list(all=True, filters={"label": OWNER_HOST}, ignore_removed=True)
        orphans = [one for one in found if is_orphan(one.labels)]
        for orphan in orphans:
            _remove(orphan)
        return [str(orphan.id) for orphan in orphans]
    finally:
        client.close()


def _remove(container: Any) -> None:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # another process of tests is removing it
            raise
