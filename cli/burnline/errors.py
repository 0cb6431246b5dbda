"""The one error of the local stack: a message for a person, with the cure in it."""


class StackError(Exception):
    """Something the user can act on; the message says what and how."""


class BrokerUnavailableError(StackError):
    """Apache Kafka cannot be had here: no Java, no Maven, or no artifacts."""
