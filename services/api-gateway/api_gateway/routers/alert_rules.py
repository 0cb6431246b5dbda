"""/api/rules: what alerts are made of."""

from typing import Annotated

from fastapi import Depends, Path, Response

from api_gateway.alerts.rules import RuleService, ShownRule
from api_gateway.alerts.schemas import NewRule, RuleAnswer, RuleChanges
from api_gateway.http.operations import Operations
from api_gateway.http.types import Statement
from api_gateway.loosening.edit import Terms
from api_gateway.loosening.schemas import MAY_WAIT, PREVIEWED, DryRun, LooseningPreview
from api_gateway.routers.dependencies import ServerClock, provided
from common.alerting.rules import RULE_NAME_PATTERN
from common.http.problems import responses

router = Operations(prefix="/api/rules", tags=["rules"])

Rules = Annotated[RuleService, provided(RuleService)]


async def _existing(
    rules: Rules,
    name: Annotated[str, Path(description=f"A rule's name: `{RULE_NAME_PATTERN}`")],
) -> ShownRule:
    return await rules.one(name)


ExistingRule = Annotated[ShownRule, Depends(_existing)]


@router.get("", summary="All alert rules by name")
async def list_alert_rules(rules: Rules) -> list[RuleAnswer]:
    """The rules in force: the default ones, and those set here in their place or beside them."""
    return [RuleAnswer.of(shown) for shown in (await rules.all()).values()]


@router.post(
    "",
    status_code=201,
    summary="Add an alert rule",
    responses={**PREVIEWED, **MAY_WAIT, **responses(409)},
)
async def create_alert_rule(
    rules: Rules,
    clock: ServerClock,
    body: NewRule,
    response: Response,
    dry_run: DryRun,
) -> RuleAnswer:
    """Add a rule with a name of its own; it is evaluated at once."""
    added = await rules.add(body.rule.root, _terms(body, dry_run=dry_run), clock())
    response.headers["Location"] = f"/api/rules/{added.rule.name}"
    return RuleAnswer.of(added)


@router.get("/{name}", summary="One alert rule", responses=responses(404))
async def get_alert_rule(shown: ExistingRule) -> RuleAnswer:
    """A rule in force, with every field."""
    return RuleAnswer.of(shown)


@router.patch("/{name}", summary="Change an alert rule", responses={**MAY_WAIT, **responses(404)})
async def change_alert_rule(
    rules: Rules,
    clock: ServerClock,
    shown: ExistingRule,
    body: RuleChanges,
    dry_run: DryRun,
) -> RuleAnswer | LooseningPreview:
    """Change some fields. `enabled`, `except_services` and `except_tiers` disable it, for some."""
    changed = await rules.change(
        shown.rule.name, body.changes, _terms(body, dry_run=dry_run), clock()
    )
    return RuleAnswer.of(changed)


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete an alert rule",
    responses={**PREVIEWED, **MAY_WAIT, **responses(404, 409)},
)
async def delete_alert_rule(
    rules: Rules,
    clock: ServerClock,
    shown: ExistingRule,
    by: Statement,
    dry_run: DryRun,
) -> None:
    """Delete what was set here: a default rule of that name holds again."""
    await rules.remove(shown.rule.name, _terms(by, dry_run=dry_run), clock())


def _terms(by: Statement, *, dry_run: bool) -> Terms:
    return Terms(by.reason, by.actor, dry_run=dry_run)
