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
_NO_ERRORS: Final = 'code!~"5.."'
_TRUE: Final = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE: Final = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})
_Matchers = Callable[[Mapping[str, str]], str]


def _nothing(_: Mapping[str, str]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Plugin:
    """Metrics of all and of some events, with the matchers that options make."""

    total: str
    part: str
    side: str
    matchers: _Matchers = _nothing
    narrower: _Matchers = _nothing
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("filter",)
    labels: tuple[str, ...] = ()


def _errors(
    total: str,
    code: str = _ERRORS,
    matchers: _Matchers = _nothing,
    required: tuple[str, ...] = (),
) -> Plugin:
    """Return a plugin whose bad events have a code."""
    return Plugin(total, total, "bad", matchers, lambda _: code, required)


def _latency(
    metric: str,
    matchers: _Matchers = _nothing,
    required: tuple[str, ...] = (),
    *,
    may_exclude: bool = False,
) -> Plugin:
    """Return a plugin whose good events are in a bucket."""

    def found(options: Mapping[str, str]) -> str:
        errors = _NO_ERRORS if options.get("exclude_errors") in _TRUE else ""
        return ",".join(filter(None, (matchers(options), errors)))

    return Plugin(
        f"{metric}_count",
        f"{metric}_bucket",
        "good",
        found,
        lambda options: f'le="{options["bucket"]}"',
        ("bucket", *required),
        ("filter", "exclude_errors") if may_exclude else ("filter",),
    )


def _istio(options: Mapping[str, str]) -> str:
    return (
        f'destination_service_name="{options["service"]}",'
        f'destination_service_namespace="{options["namespace"]}"'
    )


def _backend(options: Mapping[str, str]) -> str:
    return f'backend=~"{options["backend_regex"]}"'


def _service(options: Mapping[str, str]) -> str:
    return f'service=~"{options["service_name_regex"]}"'


_HTTP: Final = "http_request_duration_seconds"
_COMMON: Final[dict[str, Plugin]] = {
    "coredns/availability": Plugin(
        "coredns_dns_responses_total",
        "coredns_dns_responses_total",
        "bad",
        narrower=lambda options: f'rcode=~"{options.get("custom_rcode_regex") or "SERVFAIL"}"',
        optional=("filter", "custom_rcode_regex"),
    ),
    "coredns/latency": _latency("coredns_dns_request_duration_seconds"),
    "kubernetes/apiserver/availability": _errors("apiserver_request_total"),
    "kubernetes/apiserver/latency": _latency(
        "apiserver_request_duration_seconds", lambda _: 'verb!="WATCH"'
    ),
    "kubernetes/nginx-ingress/availability": _errors(
        "nginx_ingress_controller_requests", 'status=~"(5..|429)"'
    ),
    "istio/v1/availability": _errors(
        "istio_requests_total", 'response_code=~"(5..|429)"', _istio, ("service", "namespace")
    ),
    "istio/v1/latency": _latency(
        "istio_request_duration_milliseconds", _istio, ("service", "namespace"), may_exclude=True
    ),
    "prometheus/rules/eval-availability": Plugin(
        "prometheus_rule_evaluations_total", "prometheus_rule_evaluation_failures_total", "bad"
    ),
    "slok-go-http-metrics/availability": _errors(f"{_HTTP}_count", required=("filter",)),
    "slok-go-http-metrics/latency": _latency(_HTTP, required=("filter",), may_exclude=True),
    "traefik/v1/availability": _errors(
        "traefik_backend_requests_total", _ERRORS, _backend, ("backend_regex",)
    ),
    "traefik/v1/latency": _latency(
        "traefik_backend_request_duration_seconds", _backend, ("backend_regex",), may_exclude=True
    ),
    "traefik/v2/availability": _errors(
        "traefik_service_requests_total", 'code=~"(5..)"', _service, ("service_name_regex",)
    ),
    "traefik/v2/latency": _latency(
        "traefik_service_request_duration_seconds",
        _service,
        ("service_name_regex",),
        may_exclude=True,
    ),
}
PLUGINS: Final[dict[str, Plugin]] = {
    **{f"sloth-common/{name}": plugin for name, plugin in _COMMON.items()},
    "getting_started_availability": Plugin(
        f"{_HTTP}_count",
        f"{_HTTP}_count",
        "bad",
        lambda options: f'job="{options["job"]}"',
        lambda _: _ERRORS,
        ("job",),
        labels=("owner", "tier"),
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
    _check(name, plugin, options, path)
    for key in plugin.labels:
        if not labels.get(key):
            raise RefusedError("missing", "labels", f"the plugin {name} needs the label {key}")
    found = [options.get("filter", "").strip("{},"), plugin.matchers(options)]
    fields.end()
    return (
        plugin.side,
        _query(plugin.part, [*found, plugin.narrower(options)]),
        _query(plugin.total, found),
    )


def _query(metric: str, matchers: list[str]) -> str:
    return f"sum(rate({metric}{{{','.join(filter(None, matchers))}}}[{{{{.window}}}}]))"


def _check(name: str, plugin: Plugin, options: Mapping[str, str], path: str) -> None:
    for key in plugin.required:
        if not options.get(key):
            raise RefusedError("missing", f"{path}.{key}", f"is needed by the plugin {name}")
    for key in options:
        if key not in {*plugin.required, *plugin.optional}:
            reason = f"is no option of the plugin {name}; leave it out"
            raise RefusedError("unknown_field", f"{path}.{key}", reason)
    if "bucket" in options:
        number(options["bucket"], f"{path}.bucket")
    if options.get("exclude_errors", "") not in _TRUE | _FALSE:
        reason = "must be true or false"
        raise RefusedError("invalid_value", f"{path}.exclude_errors", reason)
