"""Tests of the whole flow, and the fixtures on real servers that every package uses."""
