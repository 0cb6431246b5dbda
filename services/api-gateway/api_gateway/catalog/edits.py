"""Writes of targets and services as edits that may loosen. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from api_gateway.catalog.domain import Service, Target, Tier, service_key, target_key
from api_gateway.loosening.domain import Loosened, target_loosenings
from api_gateway.loosening.edit import Demanded, Document, Edit
from common.events import LoosenedField, TargetSpec


def target_edit(
    before: Sequence[Target], after: Sequence[Target], default: TargetSpec, about: Target
) -> Edit:
    """Return the edit that leads from one list of a service's targets to another.

    It is about one of them, which is changed, or stands in one of the lists only.
    """
    old = next((target for target in before if target.id == about.id), None)
    new = next((target for target in after if target.id == about.id), None)
    held, holds = ({t.id: t.spec for t in targets} for targets in (before, after))
    return Edit(
        subject=target_key(about.id),
        title=f"target {about.spec.name} of {about.service_name}",
        services=(about.service_name,),
        loosened=target_loosenings(held, holds, default),
        before=target_document(old),
        after=target_document(new),
        promise=None if new is None else new.spec,
        # a first target takes the place of the default one: where nothing is blocked, it may
        demanded="while_blocked" if old is None else "always",
    )


def target_document(target: Target | None) -> Document | None:
    """Return a target as data, as it can be set again."""
    if target is None:
        return None
    spec: dict[str, Any] = msgspec.to_builtins(target.spec)
    return {"service_name": target.service_name, **spec}


def retirement(service: Service, targets: Sequence[Target], *, blocked: bool) -> Edit:
    """Return the edit that retires a service, with its targets.

    Without any the default one holds when it comes again: nobody is asked why.
    """
    gone = [LoosenedField("target", target.spec.name, "deleted") for target in targets]
    if blocked:
        gone.append(LoosenedField("service", service.name, "deleted"))
    demanded: Demanded = "while_blocked" if targets else "never"
    return Edit(
        **_about(service),
        loosened=tuple(gone),
        before=_document(service, service.tier),
        after=None,
        demanded=demanded,
    )


def tier_edit(service: Service, loosened: Loosened, before: Tier) -> Edit:
    """Return the edit that moves a service to its tier."""
    return Edit(
        **_about(service),
        loosened=loosened,
        before=_document(service, before),
        after=_document(service, service.tier),
        demanded="while_blocked",
    )


def purge_of(blocked: tuple[str, ...]) -> Edit:
    """Return the edit that retires many services without targets, of which the gate blocks some."""
    return Edit(
        subject="services",
        title=f"{len(blocked)} services",
        services=blocked,
        loosened=tuple(LoosenedField("service", name, "deleted") for name in blocked),
        before=None,
        after=None,
        demanded="never",
    )


def _about(service: Service) -> dict[str, Any]:
    name = service.name
    return {"subject": service_key(name), "title": f"service {name}", "services": (name,)}


def _document(service: Service, tier: Tier) -> Document:
    wording = {"owner": service.owner, "description": service.description}
    return {"name": service.name, "tier": tier, **wording}
