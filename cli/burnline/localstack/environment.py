"""The environments of the stack's processes, built on that of the caller."""

import os
from typing import Final

from burnline.localstack.config import StackConfig

# A caller's PGPORT or PGDATA would change what our own server does.
SERVER_BLIND_TO: Final = ("PG", "KAFKA_", "CLASSPATH")


def service_environment(config: StackConfig, token: str) -> dict[str, str]:
    """What migrations and services get; servers that we run ourselves add their addresses."""
    environment = {
        **os.environ,
        "BURNLINE_HOST": config.host,
        "BURNLINE_DATA_DIR": str(config.data_dir.path),
        "BURNLINE_API_TOKEN": token,
        "BURNLINE_BROKER": "memory" if config.broker_kind == "memory" else "kafka",
        "BURNLINE_PARTITIONS": str(config.partitions),
        "ENABLE_METRICS_SIMULATOR": "true" if config.simulator else "false",
    }
    return environment | {port.variable: str(port.port) for port in config.ports}


def server_environment(services: dict[str, str]) -> dict[str, str]:
    """The environment of PostgreSQL and the broker: without what would redirect them."""
    return {key: value for key, value in services.items() if not key.startswith(SERVER_BLIND_TO)}
