"""The health check of a container says what a service says of itself."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from common.http import probe


@contextmanager
def service(status: int, body: dict[str, Any]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/readyz"
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


ANSWERS = [
    (200, {"status": "ready"}, None),
    (503, {"failing": {"database": "does not answer"}}, "does not answer"),
    (404, {}, "{}"),
]


@pytest.mark.parametrize(("status", "body", "reason"), ANSWERS)
def test_a_service_is_well_when_it_says_so(
    status: int, body: dict[str, Any], reason: str | None
) -> None:
    with service(status, body) as port:
        said = probe.failure(port)
    assert said is None if reason is None else reason in str(said)
    assert "does not answer" in str(probe.failure(port))  # nobody is there any more


def test_the_exit_status_tells_the_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with service(200, {}) as port:
        monkeypatch.setenv("BURNLINE_PROBE_PORT", str(port))
        assert probe.main() == 0
    assert capsys.readouterr().out == ""
    assert probe.main() == 1
    assert "does not answer" in capsys.readouterr().out
