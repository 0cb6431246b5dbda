"""Alert rules and channels over HTTP: what a request may say, what an answer says."""

from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, StringConstraints

from api_gateway.alerts.domain import Channel
from api_gateway.alerts.rules import ShownRule, Source
from api_gateway.http.types import Actor, Answer, Instant, Statement
from common.alerting.channels import CHANNEL_KINDS, MAX_VALUE_LENGTH, SIMULATED, shown_address
from common.alerting.rules import rule_document
from common.slo.vocabulary import SERVICE_NAME_PATTERN

EXAMPLE = {
    "name": "budget-half",
    "kind": "budget_left",
    "levels": [{"severity": "ticket", "at_most_ratio": 0.5}],
    "tiers": [1],
}
SecretValue = Annotated[str, StringConstraints(max_length=MAX_VALUE_LENGTH)]
Secrets = Annotated[dict[str, SecretValue], Field(max_length=8)]


class NewRule(Statement):
    """A rule to be added."""

    rule: dict[str, Any] = Field(
        description="As in `rules.yaml`; what is left out is as documented", examples=[EXAMPLE]
    )


class RuleChanges(Statement):
    """Fields of a rule that are to be others; those that are left out stay."""

    changes: dict[str, Any] = Field(
        examples=[{"enabled": False}, {"except_services": ["reports"]}, {"tiers": [1, 2]}]
    )


class RuleAnswer(Answer):
    """A rule in force. A default one has no revision and no times."""

    name: str
    source: Source = Field(description="`changed`: it takes the place of a default one")
    rule: dict[str, Any] = Field(description="With every field")
    revision: int | None
    created_at: Instant | None
    updated_at: Instant | None

    @classmethod
    def of(cls, shown: ShownRule) -> Self:
        """Return the answer for a rule."""
        stored = shown.stored
        return cls(
            name=shown.rule.name,
            source=shown.source,
            rule=rule_document(shown.rule),
            revision=None if stored is None else stored.revision,
            created_at=None if stored is None else stored.created_at,
            updated_at=None if stored is None else stored.updated_at,
        )


class NewChannel(Actor):
    """A channel to be created. What it is told in `secrets` is never shown again."""

    name: str = Field(
        max_length=63, examples=["on-call"], json_schema_extra={"pattern": SERVICE_NAME_PATTERN}
    )
    kind: str = Field(json_schema_extra={"enum": [*sorted(CHANNEL_KINDS)]})
    secrets: Secrets = Field(
        default_factory=dict,
        description="`url` and `signing_secret` (webhook), `url` (alertmanager, slack, apprise), "
        "`routing_key` and `url` (pagerduty)",
        examples=[{"url": "https://alerts.example.com/hook"}],
    )


class ChannelChange(Actor):
    """What is to be other; secrets are replaced all at once."""

    secrets: Secrets | None = None
    enabled: StrictBool | None = None


class ChannelAnswer(Answer):
    """A channel, without its secrets."""

    id: int
    name: str
    kind: str
    enabled: bool
    built_in: bool
    address: str | None = Field(description="Scheme and host of the address")
    has_secrets: list[str] = Field(description="Which secrets it has been told")
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, channel: Channel) -> Self:
        """Return the answer for a channel."""
        return cls(
            id=channel.id,
            name=channel.name,
            kind=channel.kind,
            enabled=channel.enabled,
            built_in=channel.name == SIMULATED,
            address=shown_address(channel.secrets),
            has_secrets=sorted(channel.secrets),
            created_at=channel.created_at,
            updated_at=channel.updated_at,
        )
