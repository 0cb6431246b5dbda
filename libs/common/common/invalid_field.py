"""What is wrong with a field of a request: shared by all who check one."""


class InvalidFieldError(ValueError):
    """A field that cannot be as it is: its path, a code for machines, and what to send instead."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.code, self.detail = field, code, detail
