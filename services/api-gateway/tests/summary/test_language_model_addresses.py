"""Whether facts that are sent to a language model leave one's own network."""

import pytest

from api_gateway.narrative.language_model import is_public


@pytest.mark.parametrize(
    ("url", "leaves"),
    [
        ("https://models.example.com/v1", True),
        ("https://8.8.8.8/v1", True),
        ("http://[2606:4700::1111]/v1", True),
        ("http://localhost:11434/v1", False),
        ("http://127.0.0.1:11434/v1", False),
        ("http://[::1]:11434/v1", False),
        ("http://10.1.2.3/v1", False),
        ("http://192.168.1.7/v1", False),
        ("http://ollama:11434/v1", False),
        ("http://models.internal/v1", False),
        ("http://gpu.lan/v1", False),
        ("http://local.example.com/v1", True),
    ],
)
def test_a_public_address_is_told_from_ones_own(url: str, leaves: bool) -> None:  # noqa: FBT001
    assert is_public(url) is leaves
