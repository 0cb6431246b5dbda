"""What is said in an incident, from counts by minute to the sentence: golden situations."""

from dataclasses import replace as dataclass_replace

import numpy as np
import pytest

from api_gateway.burn.history import Counts
from api_gateway.narrative.narrative_input import NarrativeInput
from api_gateway.narrative.narrator import write
from api_gateway.narrative.onset import find_onset
from api_gateway.narrative.service_context import ServiceContext
from common.config.clock import MICROSECONDS, to_micros
from common.slo.windows import MINUTE
from tests.support.burn_events import NOW
from tests.support.gate_inputs import PAIR_WINDOWS, objective
from tests.support.gateway.forecasts import service_forecast, slo_forecast
from tests.support.narratives import state_of

SLOW = [1, 0, 0, 0, 0, 0, 0, 0]
"""A failure in every eighth minute of 100 requests: 1.25 times the rate of 99.9 %."""
CALM = [0] * 60


def said(bad: list[int], *, trend: str = "stable", total: int = 100) -> str:
    """Return the narrative of a service that failed so, minute by minute, up to now."""

    def counted(seconds: int) -> tuple[int, int]:
        last = bad[-seconds // MINUTE :] if seconds // MINUTE < len(bad) else bad
        return sum(last), total * len(last)

    slo = objective(
        short=counted(300),
        hour=counted(3600),
        day=counted(86_400),
        slo=counted(30 * 86_400),
        pairs={seconds: counted(seconds) for seconds in PAIR_WINDOWS},
        reported_seconds=-(-len(bad) // 60) * 3600,
    )
    end = to_micros(NOW) // MICROSECONDS // MINUTE * MINUTE
    ends = end - MINUTE * np.arange(len(bad))[::-1]
    day = slice(-1440, None)
    counts = Counts(ends[day], np.full(len(bad), total)[day], np.array(bad)[day])
    forecast = slo_forecast(id=1, name="availability", burn_rate_trend=trend)
    context = ServiceContext(
        state=state_of("checkout", slo),
        tier=1,
        forecast=service_forecast("checkout", forecast),
    )
    context = dataclass_replace(context, onset=find_onset(counts, slo.objective))
    given = NarrativeInput.of_service(context, NOW)
    return " ".join(sentence.text for sentence in write(given))


def test_an_outage_of_two_minutes_on_top_of_a_slow_burn() -> None:
    text = said(CALM + SLOW * 190 + [7, 7])
    assert "Errors began at about 11:58 UTC, 2 minutes ago, and last until now" in text
    assert "there were 14 failed requests of 200 since 11:58 UTC" in text
    assert "its burn is rising" in text
    assert "a slower burn had begun by" in text.lower()
    assert "steady" not in text
    assert "over both the 27 hours reported of the last 72 hours and 6 hours" in text


def test_a_plateau_of_two_hours_is_not_steady() -> None:
    text = said(CALM * 24 + [3] * 120)
    assert "its burn is far above that of the day" in text
    assert "Errors began at about 10:00 UTC, 2 hours ago" in text


def test_a_burn_that_is_the_same_in_all_windows_is_steady() -> None:
    assert "its burn is steady" in said([2] * 4000)


def test_errors_that_have_stopped_are_falling() -> None:
    text = said(CALM * 24 + [20] * 20 + [0] * 15)
    assert "its burn is falling" in text
    assert "Errors began at about 11:25 UTC and ended at about 11:45 UTC" in text


@pytest.mark.parametrize("hours", [2, 10, 30, 80])
def test_no_window_is_longer_than_what_was_reported(hours: int) -> None:
    text = said([3] * 60 * hours)
    for length in (6, 24, 72):
        if length > hours:
            assert f"and {length} hours," not in text
            assert f"and {length} hours;" not in text
            assert f"both {length} hours" not in text
            assert f" over {length} hours" not in text
    assert f"the {hours} hours reported of the last 24 hours" in text or hours >= 24
