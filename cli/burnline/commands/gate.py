"""`burnline gate`: whether a service may be released, and why."""

from importlib import import_module
from typing import Annotated, Literal

import typer

gate = typer.Typer(no_args_is_help=True, help="Whether a service may be released, and why.")


ChangeClass = Literal["feature", "fix", "security", "rollback"]


@gate.command()
def check(  # noqa: PLR0913 - the options of the command
    service: Annotated[str, typer.Argument(help="the service's name")],
    *,
    change_class: Annotated[
        ChangeClass, typer.Option("--class", help="what kind of change")
    ] = "feature",
    version: Annotated[
        str | None, typer.Option(help="what is to be released; overrides may name it")
    ] = None,
    wait: Annotated[
        str, typer.Option(help="ask again until it is allowed, for so long: 90s, 15m, 2h")
    ] = "0s",
    output: Annotated[Literal["text", "json", "github"], typer.Option("--format")] = "text",
    fail_on: Annotated[
        Literal["block", "warn"], typer.Option(help="whether a warning fails too")
    ] = "block",
    use: Annotated[
        bool, typer.Option("--use", help="count a use of the override that lets it through")
    ] = False,
) -> None:
    """Exit 0 if the change may be released, 3 if blocked, 4 if warned (--fail-on warn).

    5 if that cannot be decided, 1 if the question is refused, 2 if the command is wrong. The
    server and its token are taken from BURNLINE_URL and BURNLINE_API_TOKEN.
    """
    module = import_module("burnline.commands.gate_check")
    wait_seconds = module.duration_seconds(wait)
    options = module.Options(wait_seconds, use, fail_on == "warn", output)
    module.run_check(module.question(service, change_class, version), options)


@gate.command()
def replay(
    decision_id: Annotated[str, typer.Argument(help="as `decision_id` in an answer")],
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Decide again on the stored inputs: exit 0 if all verdicts are the same, 3 if not."""
    # what speaks with the database takes a second to import, which the other commands need not
    import_module("burnline.commands.gate_replay").show_replay(decision_id, output)
