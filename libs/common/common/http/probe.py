"""Check the readiness of a service of this machine: `python -m common.http.probe`.

For containers, which have no other client. BURNLINE_PROBE_PORT names the port (8000 if unset).
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 4.0
DEFAULT_PORT = 8000


def failure(port: int) -> str | None:
    """Return why the service on this port of loopback is not ready, None when it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"port {port} does not answer: {error!r}"
    finally:
        connection.close()
    return None if answer.status == http.HTTPStatus.OK else text


def main() -> int:
    """Print why the service is not ready; return 0 if it is, else 1."""
    reason = failure(int(os.environ.get("BURNLINE_PROBE_PORT") or DEFAULT_PORT))
    if reason is not None:
        sys.stdout.write(f"{reason}\n")
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
