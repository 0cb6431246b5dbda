"""`burnline ledger`: what the consumers remember of the broker."""

import asyncio
from typing import Annotated

import typer

from burnline.client.addresses import addresses, database_url
from burnline.errors import StackError
from burnline.groups import group
from common.config.settings import KafkaSettings
from common.kafka.restored import StillRunningError, empty_derived_topics
from common.ledger.store import reset_ledger

ledger = group("What the consumers remember of the broker.")


@ledger.command()
def reset(
    schema: Annotated[str, typer.Option(help="the service whose ledger is meant")] = "burnrate",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,  # noqa: FBT002
) -> None:
    """Forget the offsets of a broker that is gone, so that its successor is read from the start."""
    url = database_url()
    if not yes:
        typer.confirm(f"Forget which records of the broker {schema} has applied?", abort=True)
    asyncio.run(reset_ledger(url, schema))
    typer.echo(f"the ledger of {schema} is empty; restart its service")


@ledger.command()
def restored(
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,  # noqa: FBT002
) -> None:
    """Empty the topics that are filled from the database, which was restored from a backup.

    To be run before the services start: nothing published since the backup may outlive it.
    """
    servers = addresses().bootstrap_servers
    if not yes:
        typer.confirm("Are all services stopped, and is the database restored?", abort=True)
    try:
        asyncio.run(empty_derived_topics(KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=servers)))
    except StillRunningError as error:
        raise StackError(str(error)) from None
    typer.echo("what is published from the database is forgotten; start the services")
