"""Our alerts in a real Alertmanager, and its webhook beside ours."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.alerts.alertmanager import Alertmanager
from tests.support.alerts.outgoing import (
    ENDED_AT,
    STARTED_AT,
    Outgoing,
    alert,
    delivering,
    notification,
    resolved,
)
from tests.support.alerts.receiver import Receiver, receiving
from tests.support.burnrate_service import eventually

SCHEMAS = Path(__file__).parents[2] / "services" / "alerts" / "tests" / "schemas"
WEBHOOK: dict[str, Any] = json.loads((SCHEMAS / "alertmanager_webhook_v4.json").read_text())
WEBHOOK_FIELDS = set(WEBHOOK["properties"])
ALERT_FIELDS = set(WEBHOOK["properties"]["alerts"]["items"]["properties"])
OF_ITS_SENDER = {"receiver", "groupKey", "externalURL"}
REPEAT_SECONDS = 3.0  # four of them may be missed on a busy machine
KEY = alert(1).dedup_key


def ends_at(shown: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(shown["endsAt"])


def posted(receiver: Receiver, status: str) -> list[dict[str, Any]]:
    """Return what a webhook receiver got with this status, oldest first."""
    bodies = [received.json() for received in receiver.received]
    return [body for body in bodies if body["status"] == status]


async def test_alertmanager_takes_what_we_tell_keeps_it_firing_and_ends_it(
    outgoing: Outgoing, alertmanager: Alertmanager
) -> None:
    await outgoing.channel("am", "alertmanager", url=alertmanager.url)
    await outgoing.episode(alert(1), "am")
    await outgoing.add(notification(alert(1), channel="am"))
    async with delivering(outgoing.database, repeat_seconds=REPEAT_SECONDS):

        async def fires() -> bool:
            return KEY in await alertmanager.alerts()

        await eventually(fires)
        shown = (await alertmanager.alerts())[KEY]
        assert shown["labels"] == alert(1).labels
        assert datetime.fromisoformat(shown["startsAt"]) == STARTED_AT
        first_end = ends_at(shown)

        async def would_have_ended() -> bool:
            found = await alertmanager.alerts()
            assert KEY in found, "it has ended between two repeats"
            return ends_at(found[KEY]) > first_end + timedelta(seconds=4 * REPEAT_SECONDS)

        await eventually(would_have_ended)
        assert posted(alertmanager.receiver, "resolved") == []
        async with outgoing.database.write() as session:
            await outgoing.resolve(session, 1)
        await outgoing.add(notification(resolved(1), channel="am"))

        async def has_ended() -> bool:
            return bool(posted(alertmanager.receiver, "resolved"))

        await eventually(has_ended)
    (end,) = posted(alertmanager.receiver, "resolved")
    assert datetime.fromisoformat(end["alerts"][0]["endsAt"]) == ENDED_AT
    assert KEY not in await alertmanager.alerts()
    assert await outgoing.states() == ["sent", "sent"], "repeats are not kept"


async def test_an_alert_whose_sender_is_gone_ends_by_itself(
    outgoing: Outgoing, alertmanager: Alertmanager
) -> None:
    await outgoing.channel("am", "alertmanager", url=alertmanager.url)
    await outgoing.add(notification(alert(1), channel="am"))
    async with delivering(outgoing.database, repeat_seconds=0.2):
        await outgoing.until_states("sent")

    async def has_ended() -> bool:
        return bool(posted(alertmanager.receiver, "resolved"))

    await eventually(has_ended)


async def test_its_webhook_says_what_ours_says(
    outgoing: Outgoing, alertmanager: Alertmanager
) -> None:
    """The same alert by both ways: each field is there, of the same form, with the same value."""
    await outgoing.channel("am", "alertmanager", url=alertmanager.url)
    with receiving() as receiver:
        await outgoing.channel("hook", url=receiver.url)
        async with delivering(outgoing.database):
            for status, one in (("firing", alert(1)), ("resolved", resolved(1))):
                for channel in ("am", "hook"):
                    await outgoing.add(notification(one, channel=channel))
                await until_both(alertmanager.receiver, receiver, status)
                (theirs, *_), (ours, *_) = (
                    posted(alertmanager.receiver, status),
                    posted(receiver, status),
                )
                assert form(theirs) == form(ours)
                known = {field: theirs[field] for field in ours}
                Draft202012Validator(WEBHOOK).validate(known)
                Draft202012Validator(WEBHOOK).validate(ours)


async def until_both(theirs: Receiver, ours: Receiver, status: str) -> None:
    async def are_told() -> bool:
        return bool(posted(theirs, status) and posted(ours, status))

    await eventually(are_told)


def form(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body without what names its sender, its instants as instants.

    Newer versions of Alertmanager add fields of their own; ours has none that it has not.
    """
    fields = {field: body[field] for field in WEBHOOK_FIELDS - OF_ITS_SENDER}
    instants = {
        name: datetime.fromisoformat(body["alerts"][0][name].replace("0001-", "1970-"))
        for name in ("startsAt", "endsAt")
    }
    (one,) = body["alerts"]
    alerts = [{field: one[field] for field in ALERT_FIELDS - {"fingerprint"}} | instants]
    return fields | {"alerts": alerts}
