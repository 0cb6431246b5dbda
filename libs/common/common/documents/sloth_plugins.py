"""The SLI plugins that Sloth publishes, as a table of what each counts.

They are programs; what is here are the metrics and matchers that they make queries of. Where one
guards against no traffic (`> 0`, `or vector(0)`), counts need no guard.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from common.documents.fields import Fields, number
from common.documents.outcome import RefusedError

_ERRORS: Final = 'code=~"(5..|429)"'


@dataclass(frozen=True, slots=True)
class Plugin:
    """Metrics of all and of some events, with the matchers that options make."""

    total: str
    part: str
    side: str
    matchers: Callable[[Mapping[str, str]], str] = lambda _: ""
    narrower: Callable[[Mapping[str, str]], str] = lambda _: ""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("filter",)
    labels: tuple[str, ...] = ()


def _errors(total: str, code: str = _ERRORS) -> Plugin:
    return Plugin(total, total, "bad", narrower=lambda _: code)


def _latency(metric: str, matchers: Callable[[Mapping[str, str]], str]) -> Plugin:
    return Plugin(
        f"{metric}_count",
        f"{metric}_bucket",
        "good",
        matchers,
        lambda options: f'le="{options["bucket"]}"',
        required=("bucket",),
    )


def _traefik(options: Mapping[str, str]) -> str:
    errors = ',code!~"5.."' if options.get("exclude_errors") in {"true", "1", "True"} else ""
    return f'service=~"{options["service_name_regex"]}"{errors}'


_COMMON: Final = "sloth-common/"
_TRAEFIK_LATENCY: Final = _latency("traefik_service_request_duration_seconds", _traefik)
PLUGINS: Final[dict[str, Plugin]] = {
    "getting_started_availability": Plugin(
        "http_request_duration_seconds_count",
        "http_request_duration_seconds_count",
        "bad",
        lambda options: f'job="{options["job"]}"',
        lambda _: _ERRORS,
        ("job",),
        labels=("owner", "tier"),
    ),
    _COMMON + "coredns/availability": Plugin(
        "coredns_dns_responses_total",
        "coredns_dns_responses_total",
        "bad",
        narrower=lambda options: f'rcode=~"{options.get("custom_rcode_regex") or "SERVFAIL"}"',
        optional=("filter", "custom_rcode_regex"),
    ),
    _COMMON + "kubernetes/apiserver/availability": _errors("apiserver_request_total"),
    _COMMON + "kubernetes/apiserver/latency": _latency(
        "apiserver_request_duration_seconds", lambda _: 'verb!="WATCH"'
    ),
    _COMMON + "istio/v1/availability": Plugin(
        "istio_requests_total",
        "istio_requests_total",
        "bad",
        lambda options: (
            f'destination_service_name="{options["service"]}",'
            f'destination_service_namespace="{options["namespace"]}"'
        ),
        lambda _: 'response_code=~"(5..|429)"',
        ("service", "namespace"),
    ),
    _COMMON + "prometheus/rules/eval-availability": Plugin(
        "prometheus_rule_evaluations_total", "prometheus_rule_evaluation_failures_total", "bad"
    ),
    _COMMON + "traefik/v2/latency": Plugin(
        _TRAEFIK_LATENCY.total,
        _TRAEFIK_LATENCY.part,
        "good",
        _traefik,
        _TRAEFIK_LATENCY.narrower,
        ("bucket", "service_name_regex"),
        ("filter", "exclude_errors"),
    ),
}


def expand(fields: Fields, labels: Mapping[str, str]) -> tuple[str, str, str]:
    """Return (side, query of it, query of all events) for a plugin of the table."""
    name = fields.text("id")
    plugin = PLUGINS.get(name)
    if plugin is None:
        reason = "is no SLI plugin that is known here; write its queries out under events"
        raise RefusedError("plugin_unknown", fields.at("id"), reason)
    path = fields.at("options")
    options = {key: value.strip() for key, value in fields.texts("options").items()}
    for key in plugin.required:
        if not options.get(key):
            raise RefusedError("missing", f"{path}.{key}", f"is needed by the plugin {name}")
    for key in options:
        if key not in {*plugin.required, *plugin.optional}:
            reason = f"is no option of the plugin {name}; leave it out"
            raise RefusedError("unknown_field", f"{path}.{key}", reason)
    for key in plugin.labels:
        if not labels.get(key):
            raise RefusedError("missing", "labels", f"the plugin {name} needs the label {key}")
    if "bucket" in options:
        number(options["bucket"], f"{path}.bucket")
    found = [options.get("filter", "").strip("{},"), plugin.matchers(options)]
    fields.end()
    return (
        plugin.side,
        _query(plugin.part, [*found, plugin.narrower(options)]),
        _query(plugin.total, found),
    )


def _query(metric: str, matchers: list[str]) -> str:
    return f"sum(rate({metric}{{{','.join(filter(None, matchers))}}}[{{{{.window}}}}]))"
