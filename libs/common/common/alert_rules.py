"""Alert rules as data: what a rule may say, and what is wrong with one that cannot be used."""

from typing import Literal

Severity = Literal["page", "ticket", "info"]
