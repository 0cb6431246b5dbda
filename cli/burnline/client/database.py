"""Which database a command means: the one named in the environment, or the running stack's."""

import os

from burnline.errors import StackError
from burnline.localstack.config import data_dir
from burnline.localstack.state import read_state


def database_url() -> str:
    """Return DATABASE_URL, else the address of the running stack's; StackError without either."""
    url = os.environ.get("DATABASE_URL")
    if url:
        return url
    state = read_state(data_dir().state)
    if state is None or not state.is_running():
        raise StackError("no database is known: set DATABASE_URL, or burnline up")
    return state.environment["DATABASE_URL"]
