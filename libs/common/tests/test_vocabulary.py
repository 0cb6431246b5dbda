"""Names, objectives, shards: the small rules that every service relies on."""

from decimal import Decimal

import pytest
from aiokafka.partitioner import DefaultPartitioner, murmur2
from hypothesis import given
from hypothesis import strategies as st

from common.kafka.sharding import shard_of
from common.slo.vocabulary import (
    RESERVED_SERVICE_NAMES,
    InvalidObjectiveError,
    is_service_name,
    objective_ratio,
)

JAVA_MURMUR2 = {  # from the tests of Kafka's Java client
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize(("text", "expected"), JAVA_MURMUR2.items())
def test_the_hash_is_that_of_kafkas_java_client(text: str, expected: int) -> None:
    assert murmur2(text.encode()) & 0xFFFFFFFF == expected & 0xFFFFFFFF


@pytest.mark.parametrize("partitions", [1, 3, 4, 64])
@pytest.mark.parametrize(("text", "hashed"), JAVA_MURMUR2.items())
def test_shards_are_java_partitions(text: str, hashed: int, partitions: int) -> None:
    assert shard_of(text, partitions) == (hashed & 0x7FFFFFFF) % partitions


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True), st.integers(1, 128))
def test_our_own_producer_puts_a_service_on_its_shard(service: str, partitions: int) -> None:
    every = list(range(partitions))
    assert DefaultPartitioner()(service.encode(), every, every) == shard_of(service, partitions)


@pytest.mark.parametrize(
    ("given_value", "ratio"),
    [
        ("0.999", "0.999"),
        ("0.5", "0.5"),
        ("0.0001", "0.0001"),
        ("0.99999999", "0.99999999"),
        ("99.9", "0.999"),
        ("99.95", "0.9995"),
        ("50.001", "0.50001"),
        ("99.999999", "0.99999999"),
    ],
)
def test_objectives_are_ratios_or_percentages(given_value: str, ratio: str) -> None:
    assert objective_ratio(Decimal(given_value)) == Decimal(ratio)


@pytest.mark.parametrize(
    "given_value",
    [
        "0",
        "-0.0",
        "1",
        "1.0",
        "1.5",
        "49.9",
        "50",
        "100",
        "100.0",
        "250",
        "-0.999",
        "-99.9",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_other_objectives_are_refused(given_value: str) -> None:
    with pytest.raises(InvalidObjectiveError, match=r"0\.999"):
        objective_ratio(Decimal(given_value))


@pytest.mark.parametrize("name", ["a", "0", "checkout", "check-out.v2_eu", "a" * 63, "compute"])
def test_service_names(name: str) -> None:
    assert is_service_name(name)


@pytest.mark.parametrize(
    "name", ["", "a" * 64, "A", "-a", ".a", "_a", "a b", "a/b", "é", "a\n", "a\0", "\N{DIGIT ONE}é"]
)
def test_other_names_are_refused(name: str) -> None:
    assert not is_service_name(name)


def test_words_of_the_rest_paths_are_reserved() -> None:
    assert {"heatmap", "targets", "compute"} == RESERVED_SERVICE_NAMES
