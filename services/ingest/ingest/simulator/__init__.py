"""Twelve services that do not exist: their traffic, their troubles, and the truth about them."""
