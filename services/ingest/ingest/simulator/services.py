"""The twelve services of the demonstration, as data: who owns them and how they behave."""

from dataclasses import dataclass
from typing import Literal

from ingest.simulator.scenarios import ScenarioKind


@dataclass(frozen=True, slots=True)
class SimulatedService:
    """A service and its normal behaviour; `scenario` is the incident it has again and again.

    `requests_per_second` is the mean of a weekday, `error_ratio` 0..1, `median_seconds` the
    middle request duration, `availability_objective` a decimal ratio for its SLO target.
    """

    name: str
    tier: Literal[1, 2, 3]
    owner: str
    description: str
    requests_per_second: float
    error_ratio: float
    median_seconds: float
    availability_objective: str
    scenario: ScenarioKind | None = None


SERVICES = (
    SimulatedService(
        "checkout", 1, "team-buying", "Turns a cart into an order",
        40, 0.0002, 0.12, "0.999", ScenarioKind.SLOW_BURN,
    ),
    SimulatedService(
        "payments", 1, "team-money", "Charges cards and refunds them",
        35, 0.0001, 0.18, "0.995", ScenarioKind.FAST_OUTAGE,
    ),
    SimulatedService(
        "login", 1, "team-identity", "Sessions and passwords",
        60, 0.0001, 0.06, "0.999",
    ),
    SimulatedService(
        "cart", 1, "team-buying", "What a customer is about to buy",
        80, 0.0002, 0.05, "0.999",
    ),
    SimulatedService(
        "search", 2, "team-discovery", "Finds products by text",
        120, 0.0002, 0.09, "0.999", ScenarioKind.LATENCY_ONLY,
    ),
    SimulatedService(
        "catalog", 2, "team-discovery", "Product pages and prices",
        150, 0.0001, 0.04, "0.999", ScenarioKind.TRAFFIC_DIP,
    ),
    SimulatedService(
        "inventory", 2, "team-warehouse", "What is in stock, and where",
        50, 0.0002, 0.07, "0.998", ScenarioKind.FLAPPING,
    ),
    SimulatedService(
        "shipping", 2, "team-warehouse", "Delivery dates, labels and tracking",
        25, 0.0002, 0.15, "0.999",
    ),
    SimulatedService(
        "notifications", 3, "team-messaging", "Mail and push messages",
        30, 0.0003, 0.20, "0.98", ScenarioKind.RECOVERY,
    ),
    SimulatedService(
        "recommendations", 3, "team-discovery", "Other customers also bought",
        70, 0.0003, 0.08, "0.995",
    ),
    SimulatedService(
        "reviews", 3, "team-community", "Stars and comments",
        20, 0.0002, 0.06, "0.995",
    ),
    SimulatedService(
        "reports", 3, "team-analytics", "Figures for merchants",
        15, 0.0003, 0.30, "0.995",
    ),
)  # fmt: skip
