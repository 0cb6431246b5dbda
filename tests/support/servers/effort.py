"""How many examples properties are tried on.

`make test` tries all of them; `make test-fast` a share, so that it ends within a minute.
"""

import os
from typing import Final

EXAMPLES_RATIO: Final = float(os.environ.get("TESTS_EXAMPLES_RATIO", "1"))


def examples(count: int) -> int:
    """Return how many examples to try where `count` are all; at least one."""
    return max(1, round(count * EXAMPLES_RATIO))
