"""What a record of the changes topic is: a change, or one whose content is wrong.

The verdict depends on the record alone, so that a replay gives the same.
"""

from dataclasses import dataclass
from datetime import datetime

from common.admission.change_events import check_change_time, identity_of_change, parse_change_event
from common.admission.decoding import EventRejected
from common.events import ChangeEvent
from common.kafka.client import Record
from common.storage.dead_letters import DeadRecord, dead_letter, first_appended_at


@dataclass(frozen=True, slots=True)
class Change:
    """A change under the key that makes repeats one."""

    identity: bytes
    event: ChangeEvent
    appended_at: datetime


def judge(record: Record) -> Change | DeadRecord:
    """Return what the record is. Never raises, whatever its bytes are.

    A change may stand in any partition: what it changes is one row, whoever writes it.
    """
    appended_at = first_appended_at(record)
    try:
        event = parse_change_event(record.value)
        check_change_time(event.at, appended_at)
    except EventRejected as rejection:
        return DeadRecord(record, dead_letter(record, appended_at, rejection))
    return Change(identity_of_change(event), event, appended_at)
