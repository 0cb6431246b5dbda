"""The executive view's rows of the OpenAPI contract tests."""

from typing import Any

OPERATIONS = {"get_summary", "get_service_summary", "get_risk_heatmap"}
# operation, method, path, body: what is answered well
GOOD: list[tuple[str, str, str, Any]] = [
    ("get_summary", "GET", "/api/summary", None),
    ("get_service_summary", "GET", "/api/summary/checkout", None),
    ("get_service_summary", "GET", "/api/summary/unseen", None),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap", None),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap?step=6h&limit=1", None),
]
# operation, method, path, body, status
BAD: list[tuple[str, str, str, Any, int]] = [
    ("get_service_summary", "GET", "/api/summary/nobody", None, 404),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap?step=x", None, 422),
    ("get_risk_heatmap", "GET", "/api/summary/heatmap?limit=0", None, 422),
]
