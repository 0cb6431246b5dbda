"""/api/rules: what alerts are made of."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api_gateway.alerts.rules import RuleService, ShownRule
from api_gateway.alerts.schemas import NewRule, RuleAnswer, RuleChanges
from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.types import Statement
from api_gateway.routers.dependencies import LOCATION, ServerClock, provided
from common.alerting.rules import RULE_NAME_PATTERN
from common.http.problems import responses

router = APIRouter(prefix="/api/rules", tags=["rules"])

Rules = Annotated[RuleService, provided(RuleService)]


async def _existing(
    rules: Rules,
    name: Annotated[str, Path(description=f"A rule's name: `{RULE_NAME_PATTERN}`")],
) -> ShownRule:
    return await rules.one(name)


ExistingRule = Annotated[ShownRule, Depends(_existing)]


@router.get("", summary="All alert rules by name", responses=responses(503))
async def list_alert_rules(rules: Rules) -> list[RuleAnswer]:
    """The rules in force: the default ones, and those set here in their place or beside them."""
    return [RuleAnswer.of(shown) for shown in (await rules.all()).values()]


@router.post(
    "",
    status_code=201,
    summary="Add an alert rule",
    responses={201: LOCATION, **responses(409, 413, 415, 422, 503)},
    openapi_extra=describes_body(NewRule),
)
async def create_alert_rule(
    rules: Rules,
    clock: ServerClock,
    body: Annotated[NewRule, Depends(json_body(NewRule))],
    response: Response,
) -> RuleAnswer:
    """Add a rule with a name of its own; it is evaluated at once."""
    added = await rules.add(body.rule.root, body, clock())
    response.headers["Location"] = f"/api/rules/{added.rule.name}"
    return RuleAnswer.of(added)


@router.get("/{name}", summary="One alert rule", responses=responses(404, 503))
async def get_alert_rule(shown: ExistingRule) -> RuleAnswer:
    """A rule in force, with every field."""
    return RuleAnswer.of(shown)


@router.patch(
    "/{name}",
    summary="Change an alert rule",
    responses=responses(404, 413, 415, 422, 503),
    openapi_extra=describes_body(RuleChanges),
)
async def change_alert_rule(
    rules: Rules,
    clock: ServerClock,
    shown: ExistingRule,
    body: Annotated[RuleChanges, Depends(json_body(RuleChanges))],
) -> RuleAnswer:
    """Change some fields. `enabled`, `except_services` and `except_tiers` disable it, for some."""
    changed = await rules.change(shown.rule.name, body.changes, body, clock())
    return RuleAnswer.of(changed)


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete an alert rule",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(Statement),
)
async def delete_alert_rule(
    rules: Rules,
    clock: ServerClock,
    shown: ExistingRule,
    by: Annotated[Statement, Depends(json_body(Statement))],
) -> None:
    """Delete what was set here: a default rule of that name holds again."""
    await rules.remove(shown.rule.name, by, clock())
