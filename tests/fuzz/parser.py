"""Coverage-guided fuzzing of what reads events: bytes in, a verdict out, and nothing else.

Run it by `make fuzz-parser SECONDS=300`; Atheris is installed for that target alone. Whatever is
raised besides a refusal, takes longer than a second or eats the memory ends the run with an error
and leaves the bytes in a file.
"""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import atheris
import typer

with atheris.instrument_imports(include=["common", "ingest"]):
    from common.admission.change_events import parse_change_event
    from common.admission.decoding import EventRejected
    from common.admission.metric_events import parse_metric_event
    from common.http.problems import Problem
    from ingest.body import expand, read_batch

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "libs" / "common" / "examples"
SLOWEST_SECONDS: Final = 1
LARGEST_BYTES: Final = 4096
MEMORY_MEGABYTES: Final = 1024
CONTENT_TYPES: Final = ("application/json", "application/x-ndjson", "text/plain", "")
ENCODINGS: Final = ("", "gzip", "zstd")


def read(data: bytes) -> None:
    """Hand bytes to every reader; only a refusal may be raised."""
    for forbid_unknown in (True, False):
        with suppress(EventRejected):
            parse_metric_event(data, forbid_unknown=forbid_unknown)
    with suppress(EventRejected):
        parse_change_event(data)
    kind = CONTENT_TYPES[data[0] % len(CONTENT_TYPES)] if data else ""
    encoding = ENCODINGS[data[-1] % len(ENCODINGS)] if data else ""
    with suppress(Problem):
        for _ in read_batch(expand(data, encoding, LARGEST_BYTES), kind).steps:
            pass


def main(seconds: int = 300, seed: int = 0) -> None:
    """Fuzz for so long, beginning with the registry's examples; seed 0 is another each time."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, example in enumerate(sorted(EXAMPLES.rglob("*.json"))):
            (Path(corpus) / str(number)).write_bytes(example.read_bytes())
        atheris.Setup(
            [
                sys.argv[0],
                f"-max_total_time={seconds}",
                f"-seed={seed}",
                f"-timeout={SLOWEST_SECONDS}",
                f"-rss_limit_mb={MEMORY_MEGABYTES}",
                f"-max_len={LARGEST_BYTES}",
                "-print_final_stats=1",
                corpus,
            ],
            read,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    typer.run(main)
