"""/api/policies and /api/audit: what the gate goes by, and who has changed what."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.pagination import LARGEST_ID, LINK_HEADER, IdPage
from api_gateway.http.types import TEXT_PATTERN, Statement
from api_gateway.policy.policies import unknown_policy
from api_gateway.policy.policy_schemas import AuditAnswer, PolicyAnswer, PolicyRequest
from api_gateway.routers.dependencies import GatewayParts
from api_gateway.storage.audit import AuditQuery
from common.http.problems import responses
from common.slo.vocabulary import SERVICE_NAME_PATTERN, is_service_name

router = APIRouter(prefix="/api", tags=["policies"])

MAX_NAME_LENGTH = 128
LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}
CREATED = {"model": PolicyAnswer, "description": "Created", **LOCATION}


async def _policy_name(
    name: Annotated[str, Path(description=f"A policy's name: `{SERVICE_NAME_PATTERN}`")],
) -> str:
    if not is_service_name(name):
        raise unknown_policy(name)
    return name


PolicyPath = Annotated[str, Depends(_policy_name)]


@router.get("/policies", summary="All policies by name", responses=responses(503))
async def list_policies(gateway: GatewayParts) -> list[PolicyAnswer]:
    """The policies in force: those of files, and those set here in their place or beside them."""
    return [PolicyAnswer.of(shown) for shown in await gateway.policies.all()]


@router.get("/policies/{name}", summary="One policy", responses=responses(404, 503))
async def get_policy(gateway: GatewayParts, name: PolicyPath) -> PolicyAnswer:
    """A policy in force."""
    return PolicyAnswer.of(await gateway.policies.one(name))


@router.put(
    "/policies/{name}",
    summary="Set a policy",
    responses={201: CREATED, **responses(404, 413, 415, 422, 503)},
    openapi_extra=describes_body(PolicyRequest),
)
async def put_policy(
    gateway: GatewayParts,
    name: PolicyPath,
    wanted: Annotated[PolicyRequest, Depends(json_body(PolicyRequest))],
    response: Response,
) -> PolicyAnswer:
    """Set the policy's whole text, whether or not there was one; the gate decides by it at once."""
    now = gateway.clock()
    created = await gateway.policies.put(name, wanted.document, wanted.actor, wanted.reason, now)
    if created:
        response.status_code = 201
        response.headers["Location"] = f"/api/policies/{name}"
    return PolicyAnswer.of(await gateway.policies.one(name))


@router.delete(
    "/policies/{name}",
    status_code=204,
    summary="Delete a policy",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(Statement),
)
async def delete_policy(
    gateway: GatewayParts,
    name: PolicyPath,
    why: Annotated[Statement, Depends(json_body(Statement))],
) -> None:
    """Take a policy out of use; a file's of the same name holds again."""
    await gateway.policies.retire(name, why.actor, why.reason, gateway.clock())


@router.get(
    "/audit",
    summary="Who changed what, newest first",
    responses={200: {"headers": LINK_HEADER}, **responses(422, 503)},
)
async def list_audit(
    gateway: GatewayParts,
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
    async with gateway.intents.read() as reader:
        found = await reader.audit(query)
    return [AuditAnswer.of(entry) for entry in page.cut(found, lambda entry: [entry.id])]
