"""Processes with DEBUG=true are sent keys in the right place and in wrong ones; none is logged."""

import base64
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.gateway.access import api_key
from tests.support.servers.running import held_port
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

TOKEN = "bootstrap-0d3f6a1c9b"
READ_TOKEN = "reader-77ab20c4e1"
PASSWORDS = {
    "DATABASE_URL": "postgresql://me:dbpass-51c2@127.0.0.1:9/none",
    "REDIS_URL": "redis://:redispass-8e01@127.0.0.1:9/0",
    "AI_API_KEY": "aikey-5501-fe",
    "KAFKA_SASL_PASSWORD": "saslpass-91dd",
    "KAFKA_SSL_KEY_PASSWORD": "keypass-0aa4",
}


@contextmanager
def running(module: str, port_variable: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Run a service of which no server answers; give its address and its log."""
    port, log = held_port(), folder / f"{module}.log"
    environment = {
        **os.environ,
        **PASSWORDS,
        "DEBUG": "true",
        "BURNLINE_API_TOKEN": TOKEN,
        "BURNLINE_READ_TOKEN": READ_TOKEN,
        "BURNLINE_READS_NEED_KEY": "true",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_USERNAME": "burnline",
        "ENABLE_METRICS_SIMULATOR": "false",
        "BURNLINE_DATA_DIR": str(folder),
        "AI_BASE_URL": "https://models.example.com/v1",
        port_variable: str(port),
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            (sys.executable, "-m", module), env=environment, stdout=stream, stderr=stream
        )
    try:
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def until_it_answers(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            client.get("/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("it does not answer")


def send_everywhere(client: httpx.Client, path: str, secret: str) -> None:
    """Present a secret as it should be, and wherever people put one by mistake."""
    bearer = {"Authorization": f"Bearer {secret}"}
    basic = base64.b64encode(f"user:{secret}".encode()).decode()
    for headers in (bearer, {"Authorization": f"Basic {basic}"}, {"Authorization": secret}):
        client.post(path, headers=headers, json={"name": "x"})
        client.get("/metrics", headers=headers)
    client.get("/metrics", params={"token": secret, "key": secret})
    client.post(path, params={"access_token": secret}, json={"token": secret})
    client.post(path, headers=bearer, json={"token": secret, secret: 1, "service": secret})
    client.post(path, headers=bearer, content=f"{{{secret}".encode())
    client.post(path, headers={**bearer, "Content-Type": secret, "Cookie": f"key={secret}"})
    client.post(path, headers={**bearer, "X-Request-ID": secret}, json={})


@pytest.mark.parametrize(
    ("module", "port_variable", "path"),
    [
        ("ingest", "BURNLINE_INGEST_PORT", "/v1/events"),
        ("api_gateway", "BURNLINE_PORT", "/api/services"),
    ],
)
def test_no_secret_is_logged(module: str, port_variable: str, path: str, tmp_path: Path) -> None:
    key = api_key("admin").text
    with (
        running(module, port_variable, tmp_path) as (url, log),
        httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False) as client,
    ):
        until_it_answers(client)
        for secret in (TOKEN, READ_TOKEN, key):
            send_everywhere(client, path, secret)
        # a key is known by its form, so that it is cut even out of a path
        client.get(f"/api/services/{key}")
        client.post(f"{path}/{key}", headers={"Authorization": f"Bearer {key}"})
    text = log.read_text()
    assert "request_refused" in text
    assert "request_served" in text
    assert f"{key[:16]}_..." in text  # it was there, and was cut
    passwords = [re.sub(r"^\w+://\w*:|@.*", "", value) for value in PASSWORDS.values()]
    assert passwords[:3] == ["dbpass-51c2", "redispass-8e01", "aikey-5501-fe"]
    secrets = [TOKEN, READ_TOKEN, key[17:], *passwords]
    assert [secret for secret in secrets if secret in text] == []
    if module == "api_gateway":
        assert "facts_leave_the_house" in text
