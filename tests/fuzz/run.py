"""Fuzz the gateway and the ingest service by their documents, by a seed, for some seconds.

Run it by `make fuzz SECONDS=300 SEED=7`; without a seed it takes another one each time. What it
finds is printed with the request that shows it, and it ends with 1.
"""

import asyncio
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer
from starlette.types import ASGIApp

from tests.fuzz import gateway, ingest
from tests.fuzz.openapi import Expected, fuzz, unknown_refusals
from tests.support import ingest_fixtures
from tests.support.gateway.harness import TOKEN
from tests.support.servers.cluster import own_cluster

EXAMPLES: Final = 10_000  # for each operation and phase: time is the bound
INGEST_SHARE: Final = 0.2


def run(name: str, app: ASGIApp, token: str, expected: Expected, **config: object) -> bool:
    """Fuzz an application; print what was done and found; tell whether nothing was found."""
    generation = {"database": "none", "max-examples": EXAMPLES}
    found = fuzz(app, token, expected, generation=generation, **config)
    unknown = unknown_refusals(found)
    typer.echo(f"{name}: {found.cases} requests to {len(found.operations)} operations")
    typer.echo(f"  answers by status: {dict(sorted(found.by_status.items()))}")
    for short, text in found.failures.items():
        typer.echo(f"  {short}\n{text}")
    for label, codes in unknown.items():
        typer.echo(f"  {label}: refused what fits the schema: {', '.join(sorted(codes))}")
    return not found.failures and not unknown


@contextmanager
def database() -> Iterator[str]:
    """Give the address of a migrated database on a PostgreSQL of this run."""
    with tempfile.TemporaryDirectory() as folder, own_cluster(Path(folder)) as cluster:
        asyncio.run(cluster.start_postgres())
        yield cluster.database_url(asyncio.run(cluster.new_database()))


def main(seconds: int = 300, seed: int | None = None) -> None:
    """Fuzz both services; exit 1 where something was found."""
    bounds = {"seed": random.randrange(2**32) if seed is None else seed}
    typer.echo(f"seed {bounds['seed']}")
    ingest_seconds = max(1, round(INGEST_SHARE * seconds))
    with tempfile.TemporaryDirectory() as data_dir:
        ingest_app = ingest.ingest_app(Path(data_dir))
        bounds["max-time"] = ingest_seconds
        is_good = run("ingest", ingest_app, ingest_fixtures.TOKEN, ingest.EXPECTED, **bounds)
    bounds["max-time"] = max(1, seconds - ingest_seconds)
    with database() as url, gateway.filled_gateway(url) as app:
        is_good = run("gateway", app, TOKEN, gateway.EXPECTED, **bounds) and is_good
    raise typer.Exit(0 if is_good else 1)


if __name__ == "__main__":
    typer.run(main)
