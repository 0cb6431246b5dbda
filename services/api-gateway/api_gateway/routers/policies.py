"""/api/policies and /api/audit: what the gate goes by, and who has changed what."""

from typing import Annotated

from fastapi import Depends, Path, Query, Response

from api_gateway.http.operations import LOCATION, Operations
from api_gateway.http.pagination import LARGEST_ID, IdPage
from api_gateway.http.types import TEXT_PATTERN, Statement
from api_gateway.policy.policies import PolicyService, unknown_policy
from api_gateway.policy.schemas import AuditAnswer, PolicyAnswer, PolicyRequest
from api_gateway.routers.dependencies import ServerClock, provided
from api_gateway.storage.audit import AuditQuery
from common.http.problems import responses
from common.slo.vocabulary import SERVICE_NAME_PATTERN, is_service_name

router = Operations(prefix="/api", tags=["policies"])

Policies = Annotated[PolicyService, provided(PolicyService)]

MAX_NAME_LENGTH = 128
CREATED = {"model": PolicyAnswer, "description": "Created", **LOCATION}


async def _policy_name(
    name: Annotated[str, Path(description=f"A policy's name: `{SERVICE_NAME_PATTERN}`")],
) -> str:
    if not is_service_name(name):
        raise unknown_policy(name)
    return name


PolicyPath = Annotated[str, Depends(_policy_name)]


@router.get("/policies", summary="All policies by name")
async def list_policies(policies: Policies) -> list[PolicyAnswer]:
    """The policies in force: those of files, and those set here in their place or beside them."""
    return [PolicyAnswer.of(shown) for shown in await policies.all()]


@router.get("/policies/{name}", summary="One policy", responses=responses(404))
async def get_policy(policies: Policies, name: PolicyPath) -> PolicyAnswer:
    """A policy in force."""
    return PolicyAnswer.of(await policies.one(name))


@router.put("/policies/{name}", summary="Set a policy", responses={201: CREATED, **responses(404)})
async def put_policy(
    policies: Policies,
    clock: ServerClock,
    name: PolicyPath,
    body: PolicyRequest,
    response: Response,
) -> PolicyAnswer:
    """Set the policy's whole text, whether or not there was one; the gate decides by it at once."""
    if await policies.put(name, body.document, body, clock()):
        response.status_code = 201
        response.headers["Location"] = f"/api/policies/{name}"
    return PolicyAnswer.of(await policies.one(name))


@router.delete(
    "/policies/{name}", status_code=204, summary="Delete a policy", responses=responses(404, 409)
)
async def delete_policy(
    policies: Policies,
    clock: ServerClock,
    name: PolicyPath,
    by: Statement,
) -> None:
    """Take a policy out of use; a file's of the same name holds again."""
    await policies.retire(name, by, clock())


@router.get("/audit", summary="Audit, newest first")
async def list_audit(
    policies: Policies,
    page: IdPage,
    service: Annotated[
        str | None,
        Query(max_length=MAX_NAME_LENGTH, pattern=TEXT_PATTERN, description="Only of this service"),
    ] = None,
    subject: Annotated[
        str | None,
        Query(
            max_length=MAX_NAME_LENGTH,
            pattern=TEXT_PATTERN,
            description="Only of this, as `override/12`",
        ),
    ] = None,
) -> list[AuditAnswer]:
    """Entries are never changed; `burnline audit verify` proves it by their hashes."""
    query = AuditQuery(page.after or LARGEST_ID, page.fetch_limit, service, subject)
    found = await policies.audit(query)
    return [AuditAnswer.of(entry) for entry in page.cut(found, lambda entry: [entry.id])]
