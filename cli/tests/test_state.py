"""The state file between two commands."""

import json
from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack.state import read_state


def test_a_state_of_another_version_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"phase": "running", "supervisor": {"pid": 1}, "children": []}))
    with pytest.raises(StackError, match="another version"):
        read_state(path)


def test_no_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state.json") is None
