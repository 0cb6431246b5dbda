"""What a rule, a silence and a channel may say, and how what cannot be is refused."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.alerting.channels import CHANNEL_KINDS, check_channel, shown_address
from common.alerting.default_rules import default_rules, read_rules
from common.alerting.rules import read_rule, rule_document
from common.alerting.silences import (
    LABELS,
    LONGEST_SILENCE,
    Matcher,
    can_match,
    check_silence,
    matches_all,
)
from common.invalid_field import InvalidFieldError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HALF = {"severity": "ticket", "at_most_ratio": 0.5}
RULE: dict[str, Any] = {"name": "half", "kind": "budget_left", "levels": [HALF]}


@pytest.mark.parametrize("name", sorted(default_rules()))
def test_a_default_rule_survives_being_shown_and_read_again(name: str) -> None:
    rule = default_rules()[name]
    assert read_rule(rule_document(rule)) == rule
    assert rule.description
    assert all(inhibited in default_rules() for inhibited in rule.inhibits)


def test_the_default_rules_cover_every_kind_and_no_page_rests_on_one_failure() -> None:
    rules = default_rules().values()
    assert {rule.kind for rule in rules} == {
        "risk_level",
        "burn_rate",
        "budget_left",
        "exhaustion",
        "data_stale",
        "constant_burn",
        "good_over_total",
    }
    pages = [r for r in rules if any(level.severity == "page" for level in r.levels)]
    assert pages
    assert all(rule.min_bad_events >= 10 for rule in pages)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": "No"}, "name", "invalid_rule"),
        ({"kind": "weather"}, "kind", "invalid_rule"),
        ({"levels": []}, "levels", "invalid_rule"),
        ({"levels": [HALF] * 7}, "levels", "invalid_rule"),
        ({"levels": [{"severity": "ticket"}]}, "levels[0].at_most_ratio", "missing"),
        ({"levels": [{**HALF, "within_hours": 3}]}, "levels[0].within_hours", "unknown_field"),
        ({"levels": [HALF, HALF]}, "levels[1].at_most_ratio", "wrong_order"),
        (
            {"levels": [HALF, {"severity": "info", "at_most_ratio": 0}]},
            "levels[1].severity",
            "wrong_order",
        ),
        ({"for_seconds": -1}, "for_seconds", "invalid_rule"),
        ({"resolve_ratio": 1.5}, "resolve_ratio", "invalid_rule"),
        ({"tiers": [4]}, "tiers[0]", "invalid_rule"),
        ({"services": ["check out"]}, "services[0]", "invalid_rule"),
        ({"runbook_url": "javascript:alert(1)"}, "runbook_url", "invalid_rule"),
        ({"colour": "red"}, "rule", "invalid_rule"),
        (
            {"kind": "burn_rate", "levels": [{"severity": "page", "long_windows_seconds": [60]}]},
            "levels[0].long_windows_seconds",
            "unknown_value",
        ),
        (
            {"kind": "data_stale", "levels": [{"severity": "page", "statuses": ["ok"]}]},
            "levels[0].statuses",
            "unknown_value",
        ),
        (
            {"kind": "risk_level", "levels": [{"severity": "page", "at_least_level": "SAFE"}]},
            "levels[0].at_least_level",
            "always_met",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_its_field(
    changes: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        read_rule({**RULE, **changes})
    assert (refused.value.field, refused.value.code) == (field, code)
    assert refused.value.detail


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_whatever_is_no_rule_is_refused_as_such(document: object) -> None:
    with pytest.raises(InvalidFieldError):
        read_rule(document)


@pytest.mark.parametrize(
    ("fields", "tier", "applies"),
    [
        ({}, 3, True),
        ({"enabled": False}, 1, False),
        ({"tiers": [1, 2]}, 3, False),
        ({"tiers": [1, 2]}, 2, True),
        ({"except_tiers": [3]}, 3, False),
        ({"services": ["check*"]}, 1, True),
        ({"services": ["cart"]}, 1, False),
        ({"services": ["check*"], "except_services": ["*out"]}, 1, False),
    ],
)
def test_a_rule_watches_the_services_that_it_names(
    fields: dict[str, Any],
    tier: int,
    applies: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert read_rule({**RULE, **fields}).applies_to("checkout", tier) is applies


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("rules: [", "rules"),
        ("[]", "rules"),
        ("rules: [3]", "rules[0].rule"),
        ("rules: [{name: a, kind: x}]", "rules[0].kind"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_place(text: str, field: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        read_rules(text)
    assert refused.value.field == field


def test_a_name_that_is_used_twice_in_a_file_is_refused() -> None:
    level = "{severity: page, at_most_ratio: 0}"
    rule = f"{{name: a, kind: budget_left, levels: [{level}]}}"
    with pytest.raises(InvalidFieldError, match="used twice"):
        read_rules(f"rules: [{rule}, {rule}]")


@pytest.mark.parametrize(
    ("matcher", "matches"),
    [
        (Matcher("service", "checkout"), True),
        (Matcher("service", "check*"), False),
        (Matcher("service", "check*", is_glob=True), True),
        (Matcher("service", "check*", is_glob=True, is_equal=False), False),
        (Matcher("severity", "page", is_equal=False), True),
        (Matcher("team", ""), True),
    ],
)
def test_a_matcher_is_about_one_label(
    matcher: Matcher,
    matches: bool,  # noqa: FBT001 - a row of the table
) -> None:
    labels = {"service": "checkout", "severity": "ticket"}
    assert matcher.matches(labels) is matches
    assert matches_all([matcher, Matcher("severity", "ticket")], labels) is matches
    assert not matches_all([], labels)


@pytest.mark.parametrize(
    ("matchers", "length", "field"),
    [
        ([], timedelta(hours=1), "matchers"),
        ([Matcher("service", "a")] * 17, timedelta(hours=1), "matchers"),
        ([Matcher("colour", "a")], timedelta(hours=1), "matchers[0].name"),
        ([Matcher("service", "a" * 300)], timedelta(hours=1), "matchers[0].value"),
        ([Matcher("service", "[ab]", is_glob=True)], timedelta(hours=1), "matchers[0].value"),
        ([Matcher("service", "*", is_glob=True)], timedelta(hours=1), "matchers"),
        ([Matcher("service", "a", is_equal=False)], timedelta(hours=1), "matchers"),
        ([Matcher("service", "a")], timedelta(0), "ends_at"),
        ([Matcher("service", "a")], LONGEST_SILENCE * 2, "ends_at"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    matchers: list[Matcher], length: timedelta, field: str
) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        check_silence(matchers, NOW, NOW + length)
    assert refused.value.field == field


@given(st.lists(st.builds(Matcher, st.sampled_from(LABELS), st.text(max_size=40), st.booleans())))
def test_what_is_accepted_can_be_matched(matchers: list[Matcher]) -> None:
    try:
        check_silence(matchers, NOW, NOW + timedelta(hours=1))
    except InvalidFieldError:
        return
    matches_all(matchers, dict.fromkeys(LABELS, "a" * 63))


@pytest.mark.parametrize(
    ("kind", "secrets", "field"),
    [
        ("pigeon", {}, "kind"),
        ("webhook", {}, "secrets.url"),
        ("webhook", {"url": "https://a.example", "colour": "red"}, "secrets.colour"),
        ("webhook", {"url": "ftp://a.example"}, "secrets.url"),
        ("webhook", {"url": "https://"}, "secrets.url"),
        ("webhook", {"url": "https://a.example:port/"}, "secrets.url"),
        ("slack", {"url": "https://a example/"}, "secrets.url"),
        ("pagerduty", {"routing_key": ""}, "secrets.routing_key"),
        ("simulated", {"url": "https://a.example"}, "secrets.url"),
    ],
)
def test_a_channel_that_cannot_be_used_is_refused(
    kind: str, secrets: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        check_channel("on-call", kind, secrets)
    assert refused.value.field == field
    assert not any("a.example" in str(refused.value) for _ in secrets)


@pytest.mark.parametrize("kind", sorted(CHANNEL_KINDS))
def test_a_channel_that_is_told_all_it_needs_is_taken(kind: str) -> None:
    told = {
        field.name: "https://a.example/x" if field.is_address else "key"
        for field in CHANNEL_KINDS[kind].fields
    }
    check_channel("on-call", kind, told)
    with pytest.raises(InvalidFieldError, match="name"):
        check_channel("On Call", kind, told)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@hooks.example.com:8443/T0/B0?k=1", "https://hooks.example.com"),
        ("tgram://bottoken/chat", "tgram://..."),
        ("", None),
    ],
)
def test_of_an_address_only_what_is_no_secret_is_shown(url: str, shown: str | None) -> None:
    assert shown_address({"url": url}) == shown


VALUES = {
    "service": ("cart", "checkout", "Cart"),
    "severity": ("page", "ticket", "info", "critical"),
    "tier": ("1", "2", "9"),
    "slo": ("avail", ""),
}
MATCHERS = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.builds(
            Matcher,
            st.just(name),
            st.sampled_from((*VALUES[name], "ca*", "?")),
            st.booleans(),
            st.booleans(),
        )
    ),
    min_size=1,
    max_size=4,
)
POSSIBLE = {
    "service": ("cart", "checkout"),
    "severity": ("page", "ticket", "info"),
    "tier": ("1", "2", "3"),
    "slo": ("avail", ""),
}


@given(MATCHERS)
def test_no_alert_that_can_be_matches_a_silence_that_is_refused_for_matching_nothing(
    matchers: list[Matcher],
) -> None:
    alerts = [dict(zip(POSSIBLE, labels, strict=True)) for labels in product(*POSSIBLE.values())]
    possible = any(matches_all(matchers, labels) for labels in alerts)
    assert can_match(matchers, POSSIBLE) is possible
    refusal = ""
    try:
        check_silence(matchers, NOW, NOW + timedelta(hours=1))
    except InvalidFieldError as error:
        refusal = error.code
    assert not (possible and refusal == "matches_nothing")
