"""PostgreSQL and Apache Kafka as processes of this machine, run as the local stack runs them."""

from dataclasses import replace
from typing import Final

from burnline.localstack.artifacts import ensure_jars, jar_version
from burnline.localstack.command import Command
from burnline.localstack.config import DataDir
from burnline.localstack.kafka import KafkaNode, kafka_node
from burnline.localstack.ports import LOOPBACK, Reservations
from burnline.localstack.postgres import PostgresNode
from burnline.localstack.postgres_home import forget_home, open_home
from tests.support.servers.running import held_port
from tests.support.servers.server_process import Server, ServerProcess

_PROXIED: Final = "PROXIED"


class EmbeddedServers:
    """Both servers, with their files under one data directory.

    Kafka listens on `proxied_port` as well, and gives those who come there the port `proxy_port`.
    """

    def __init__(self, data_dir: DataDir, proxied_port: int, proxy_port: int) -> None:
        self._data_dir, self._reservations = data_dir, Reservations()
        self._proxied_port, self._proxy_port = proxied_port, proxy_port
        self.place, self.kafka_version = "run by the tests", jar_version(ensure_jars())
        self._kafka_node = kafka_node(data_dir.path / "kafka", self._reservations)
        self.bootstrap = self._kafka_node.bootstrap_servers
        self.node = PostgresNode(open_home(data_dir), LOOPBACK, held_port())
        self.postgres: Server = ServerProcess(self.node.command(), data_dir.logs)
        self.kafka: Server = ServerProcess(self._kafka_command(), data_dir.logs)

    def discard(self) -> None:
        """End both and forget their files."""
        self.kafka.end_at_once()
        self.postgres.stop()
        self._reservations.close()
        forget_home(self._data_dir)

    def _kafka_command(self) -> Command:
        return replace(self._kafka_node.command(), prepare=self._prepare_kafka)

    def _prepare_kafka(self) -> None:
        """Add a listener to the node's settings that gives out the proxy's address."""
        node: KafkaNode = self._kafka_node
        node.prepare()
        path = node.home / "server.properties"
        text = path.read_text()
        added = {
            "listeners=": f"{_PROXIED}://{LOOPBACK}:{self._proxied_port}",
            "advertised.listeners=": f"{_PROXIED}://{LOOPBACK}:{self._proxy_port}",
            "listener.security.protocol.map=": f"{_PROXIED}:PLAINTEXT",
        }
        lines = []
        for line in text.splitlines():
            name = line.split("=", 1)[0] + "="
            lines.append(f"{line},{added.pop(name)}" if name in added else line)
        assert not added, f"server.properties lacks {sorted(added)}"
        path.write_text("\n".join(lines) + "\n")
