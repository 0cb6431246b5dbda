"""/api/policies: what the gate goes by."""

from typing import Annotated

from fastapi import Depends, Path, Response

from api_gateway.http.operations import LOCATION, Operations
from api_gateway.http.types import Statement
from api_gateway.loosening.edit import Terms
from api_gateway.loosening.schemas import MAY_WAIT, PREVIEWED, DryRun, LooseningPreview
from api_gateway.policy.policies import PolicyService, unknown_policy
from api_gateway.policy.schemas import PolicyAnswer, PolicyRequest
from api_gateway.routers.dependencies import ServerClock, provided
from common.http.problems import responses
from common.slo.vocabulary import SERVICE_NAME_PATTERN, is_service_name

router = Operations(prefix="/api/policies", tags=["policies"])

Policies = Annotated[PolicyService, provided(PolicyService)]

CREATED = {"model": PolicyAnswer, "description": "Created", **LOCATION}


async def _policy_name(
    name: Annotated[str, Path(description=f"A policy's name: `{SERVICE_NAME_PATTERN}`")],
) -> str:
    if not is_service_name(name):
        raise unknown_policy(name)
    return name


PolicyPath = Annotated[str, Depends(_policy_name)]


@router.get("", summary="All policies by name")
async def list_policies(policies: Policies) -> list[PolicyAnswer]:
    """The policies in force: those of files, and those set here in their place or beside them."""
    return [PolicyAnswer.of(shown) for shown in await policies.all()]


@router.get("/{name}", summary="One policy", responses=responses(404))
async def get_policy(policies: Policies, name: PolicyPath) -> PolicyAnswer:
    """A policy in force."""
    return PolicyAnswer.of(await policies.one(name))


@router.put(
    "/{name}",
    summary="Set a policy",
    responses={201: CREATED, **MAY_WAIT, **responses(404)},
)
async def put_policy(  # noqa: PLR0913, PLR0917 - what it depends on
    policies: Policies,
    clock: ServerClock,
    name: PolicyPath,
    body: PolicyRequest,
    response: Response,
    dry_run: DryRun,
) -> PolicyAnswer | LooseningPreview:
    """Set the policy's whole text, whether or not there was one; the gate decides by it at once."""
    terms = Terms(body.reason, body.actor, dry_run=dry_run)
    if await policies.put(name, body.document, terms, clock()):
        response.status_code = 201
        response.headers["Location"] = f"/api/policies/{name}"
    return PolicyAnswer.of(await policies.one(name))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete a policy",
    responses={**PREVIEWED, **MAY_WAIT, **responses(404, 409)},
)
async def delete_policy(
    policies: Policies,
    clock: ServerClock,
    name: PolicyPath,
    by: Statement,
    dry_run: DryRun,
) -> None:
    """Take a policy out of use; a file's of the same name holds again."""
    terms = Terms(by.reason, by.actor, dry_run=dry_run)
    await policies.retire(name, terms, clock())
