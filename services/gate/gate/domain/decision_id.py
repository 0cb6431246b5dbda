"""Names of decisions: ULIDs, so that their order is that of time. Pure."""

from datetime import datetime

from common.config.clock import to_micros

RANDOM_BYTES = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32
LENGTH = 26
_RANDOM_BITS = 8 * RANDOM_BYTES


def decision_id(at: datetime, randomness: bytes) -> str:
    """Return 26 letters: the milliseconds since 1970, then 10 bytes of randomness.

    The form is that of the ULID specification.
    """
    number = (to_micros(at) // 1000) << _RANDOM_BITS | int.from_bytes(randomness, "big")
    letters = []
    for _ in range(LENGTH):
        number, digit = divmod(number, 32)
        letters.append(_ALPHABET[digit])
    return "".join(reversed(letters))
