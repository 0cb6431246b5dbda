"""/api/rules: what alerts are made of."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api_gateway.alerts.rule_schemas import NewRule, RuleAnswer, RuleChanges
from api_gateway.alerts.rules import By, ShownRule
from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.types import Statement
from api_gateway.routers.dependencies import GatewayParts
from common.alerting.rules import RULE_NAME_PATTERN
from common.http.problems import responses

router = APIRouter(prefix="/api/rules", tags=["rules"])

LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}


async def _existing(
    gateway: GatewayParts,
    name: Annotated[str, Path(description=f"A rule's name: `{RULE_NAME_PATTERN}`")],
) -> ShownRule:
    return await gateway.alerts.rules.one(name)


ExistingRule = Annotated[ShownRule, Depends(_existing)]


@router.get("", summary="All alert rules by name", responses=responses(503))
async def list_alert_rules(gateway: GatewayParts) -> list[RuleAnswer]:
    """The rules in force: the default ones, and those set here in their place or beside them."""
    return [RuleAnswer.of(shown) for shown in (await gateway.alerts.rules.all()).values()]


@router.post(
    "",
    status_code=201,
    summary="Add an alert rule",
    responses={201: LOCATION, **responses(409, 413, 415, 422, 503)},
    openapi_extra=describes_body(NewRule),
)
async def create_alert_rule(
    gateway: GatewayParts,
    wanted: Annotated[NewRule, Depends(json_body(NewRule))],
    response: Response,
) -> RuleAnswer:
    """Add a rule with a name of its own; it is evaluated at once."""
    by = By(wanted.actor, wanted.reason, gateway.clock())
    made = await gateway.alerts.rules.add(wanted.rule.root, by)
    response.headers["Location"] = f"/api/rules/{made.rule.name}"
    return RuleAnswer.of(made)


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
    gateway: GatewayParts,
    shown: ExistingRule,
    wanted: Annotated[RuleChanges, Depends(json_body(RuleChanges))],
) -> RuleAnswer:
    """Change some fields. `enabled`, `except_services` and `except_tiers` disable it, for some."""
    by = By(wanted.actor, wanted.reason, gateway.clock())
    return RuleAnswer.of(await gateway.alerts.rules.change(shown.rule.name, wanted.changes, by))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete an alert rule",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(Statement),
)
async def delete_alert_rule(
    gateway: GatewayParts,
    shown: ExistingRule,
    why: Annotated[Statement, Depends(json_body(Statement))],
) -> None:
    """Take back what was set here: a default rule of that name holds again."""
    by = By(why.actor, why.reason, gateway.clock())
    await gateway.alerts.rules.remove(shown.rule.name, by)
