"""Apache Kafka for one stack: a single KRaft node, run by the supervisor from its jars."""

import asyncio
import base64
import contextlib
import functools
import logging
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from burnline.errors import StackError
from burnline.localstack.artifacts import ARTIFACTS_DIR, ensure_jars, jar_version
from burnline.localstack.command import Command
from burnline.localstack.ports import LOOPBACK, Reservations
from burnline.localstack.processes import run
from burnline.localstack.runtimes import JAVA, ensure

PROBE_TIMEOUT_SECONDS: Final = 3.0
log = logging.getLogger(__name__)

HEAP: Final = ("-Xms128m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
QUICK: Final = "-XX:TieredStopAtLevel=1"

# The short broker session lets a broker that was killed register again within seconds: until the
# session of the dead one has expired, the controller refuses the new one. The small clean-up buffer
# keeps compaction inside the small heap. Topics are made by their registry, never by accident.
PROPERTIES: Final = (ARTIFACTS_DIR / "server.properties").read_text()


@dataclass(frozen=True, slots=True)
class KafkaNode:
    """One node: its own folder, two ports on loopback, and the jars it runs from."""

    home: Path
    jars: Path
    java: str
    host: str
    port: int
    controller_port: int

    @property
    def bootstrap_servers(self) -> str:
        """What clients are given."""
        return f"{self.host}:{self.port}"

    def command(self) -> Command:
        """The broker process; the storage is formatted before its first start."""
        return Command(
            name="kafka",
            argv=(*self._java(), "kafka.Kafka", str(self._properties)),
            probe=functools.partial(answers, self.bootstrap_servers),
            directory=self.home,
            layer=1,
            prepare=self.prepare,
        )

    def prepare(self) -> None:
        """Write the settings, and format the storage if that was not done yet."""
        self.home.mkdir(parents=True, exist_ok=True)
        data = self.home / "data"
        settings = PROPERTIES.format(
            host=self.host, port=self.port, controller_port=self.controller_port, data=data
        )
        self._properties.write_text(settings)
        if not (data / "meta.properties").exists():
            self._format()

    @property
    def _properties(self) -> Path:
        return self.home / "server.properties"

    def _java(self) -> tuple[str, ...]:
        logging_file = f"-Dlog4j2.configurationFile=file:{ARTIFACTS_DIR / 'log4j2.properties'}"
        logs = f"-Dkafka.logs.dir={self.home / 'logs'}"
        return (self.java, *HEAP, logging_file, logs, "-cp", f"{self.jars}/*")

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ("kafka.tools.StorageTool", "format", "--ignore-formatted")
        # compiled quickly rather than well, for the second that it runs
        command = (*self._java(), QUICK, *arguments, f"--cluster-id={cluster_id}")
        done = run((*command, "--config", str(self._properties)))
        if done.returncode != 0:
            message = f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}"
            raise StackError(message)


def kafka_node(home: Path, reservations: Reservations) -> KafkaNode:
    """An Apache Kafka node on free ports; its jars and Java are fetched where they are not here."""
    jars, java = ensure_jars(), ensure(JAVA, log.info)["java"]
    ports = (reservations.take_any(), reservations.take_any())
    return KafkaNode(home, jars, java, LOOPBACK, *ports)


def broker_name(bootstrap_servers: str | None) -> tuple[str, str]:
    """Name and version of the caller's broker, or of our own where there is none."""
    if bootstrap_servers:
        return f"Kafka at {bootstrap_servers}", ""
    return "Apache Kafka", jar_version(ensure_jars())


async def answers(bootstrap_servers: str) -> bool:
    """Whether a Kafka broker at this address knows at least itself."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                await admin.start()
                cluster = await admin.describe_cluster()
                return bool(cluster["brokers"])
        finally:
            await admin.close()
    return False


def silence_client_logs() -> None:
    """A probe of a broker that is not up yet is no news: keep aiokafka from reporting it."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)
