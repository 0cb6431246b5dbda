"""A service that is not known because of one of its indicators: the reason says of which."""

import pytest
from msgspec.structs import replace

from common.decisions.reasons import unknowns
from common.slo.vocabulary import DataStatus
from tests.support.gate_inputs import inputs, objective, policy, snapshot


@pytest.mark.parametrize(
    "status", [DataStatus.NO_DATA, DataStatus.LAGGING, DataStatus.SATURATED, DataStatus.STALE]
)
@pytest.mark.parametrize(
    ("indicator", "named"), [("payments", "checkout/payments"), ("default", "checkout")]
)
def test_the_reason_names_the_indicator(status: DataStatus, indicator: str, named: str) -> None:
    known = objective(name="requests")
    unknown = replace(objective(name="other"), data_status=status, named_indicator=indicator)
    given = inputs(snapshot=snapshot([known, unknown], status=status))
    [reason] = list(unknowns(policy(), given))
    assert reason.effect == "UNKNOWN"
    assert named in reason.message.split()
