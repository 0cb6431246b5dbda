"""The in-memory broker: librdkafka's mock cluster behind one fixed port, nothing is kept."""

import argparse
import asyncio
import contextlib
import ctypes
import importlib.util
import signal
from pathlib import Path
from typing import Final

from burnline.errors import StackError
from burnline.localstack.config import StackConfig
from common.kafka.topics import TOPICS

PRODUCER: Final = 0
BROKER_ID: Final = 1
ERROR_BYTES: Final = 512
CHUNK_BYTES: Final = 65_536


class MockCluster:
    """One mock broker inside this process. It listens on a port that librdkafka chooses."""

    def __init__(self) -> None:
        self._library = _load_library()
        error = ctypes.create_string_buffer(ERROR_BYTES)
        conf = self._library.rd_kafka_conf_new()
        handle = self._library.rd_kafka_new(PRODUCER, conf, error, ERROR_BYTES)
        if not handle:
            raise StackError(error.value.decode())
        self._cluster = self._library.rd_kafka_mock_cluster_new(handle, 1)

    def address(self) -> tuple[str, int]:
        """Host and port where the mock itself listens."""
        text: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        host, _, port = text.decode().partition(":")
        return host, int(port)

    def advertise(self, host: str, port: int) -> None:
        """Tell clients to come to this address instead of the mock's own."""
        self._check(
            self._library.rd_kafka_mock_broker_set_host_port(
                self._cluster, BROKER_ID, host.encode(), port
            )
        )

    def create_topic(self, name: str, partitions: int) -> None:
        """Create a topic with one replica."""
        self._check(
            self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        )

    @staticmethod
    def _check(code: int) -> None:
        if code:
            message = f"librdkafka's mock cluster refused with error {code}"
            raise StackError(message)


def _load_library() -> ctypes.CDLL:
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        message = "confluent-kafka is not installed: make install"
        raise StackError(message)
    package = Path(spec.origin).parent
    bundled = sorted((package.parent / "confluent_kafka.libs").glob("librdkafka-*.so*"))
    bundled += sorted((package / ".dylibs").glob("librdkafka*.dylib"))
    if not bundled:
        message = "confluent-kafka does not bundle librdkafka on this platform"
        raise StackError(message)
    library = ctypes.CDLL(str(bundled[0]))
    _declare(library)
    return library


def _declare(library: ctypes.CDLL) -> None:
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_broker_set_host_port": (number, [pointer, ctypes.c_int32, text, number]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


async def forward(host: str, port: int, target: tuple[str, int]) -> asyncio.Server:
    """Serve on a fixed port what the mock serves on its own."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*target)
        await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))

    return await asyncio.start_server(connect, host, port)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
    sink.close()


async def serve(host: str, port: int, partitions: int) -> None:
    """Run the broker with the registry's topics until a signal ends it."""
    cluster = MockCluster()
    for topic in TOPICS:
        cluster.create_topic(topic.name, topic.partitions(partitions))
    cluster.advertise(host, port)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    server = await forward(host, port, cluster.address())
    await stop.wait()
    server.close()


def main() -> None:
    """Serve on the given address with the partitions of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    config = StackConfig.from_environment()
    asyncio.run(serve(given.host, given.port, config.partitions))


if __name__ == "__main__":
    main()
