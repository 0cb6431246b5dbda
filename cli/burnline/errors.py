"""The one error of the command line: a message for a person, with the cure in it."""


class StackError(Exception):
    """Something the user can act on; the message says what and how."""
