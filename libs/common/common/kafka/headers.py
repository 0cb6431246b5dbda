"""Names of Kafka headers that say more of a record than its value."""

from typing import Final

IMPORT_ID_HEADER: Final = "import_id"
"""Which import a record of the history topic belongs to."""
IMPORT_LINE_HEADER: Final = "import_line"
"""Its line, rising within a partition: what is not above the highest applied is a repeat."""
FORWARDED_FROM_HEADER: Final = "forwarded_from"
"""Partition and offset, `3:1200`, where a record that went to the wrong shard first stood."""
FORWARDED_AT_HEADER: Final = "forwarded_appended_at"
"""When the broker first took a forwarded or replayed record, in milliseconds since 1970."""
SENDER_HEADER: Final = "sender"
"""The credential that brought a change, or an event of a new name, as `key/4f1d09c2ab37`."""
REPLAYED_FROM_HEADER: Final = "replayed_from"
"""The dead letter that a record was sent again from."""
