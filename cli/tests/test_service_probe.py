"""A service is asked many times a second whether it is ready while a stack starts: cheaply."""

import ssl

import pytest

from burnline.localstack.ports import free_port
from burnline.localstack.services import is_service_ready


async def test_a_probe_loads_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> ssl.SSLContext:
        raise AssertionError("certificates are loaded for plain HTTP")

    monkeypatch.setattr(ssl, "create_default_context", load)
    assert not await is_service_ready(f"http://127.0.0.1:{free_port('127.0.0.1')}")
