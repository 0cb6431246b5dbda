"""`python -m api_gateway.document`: the OpenAPI document, from which clients make their types."""

import json
import sys

from api_gateway.app import create_app
from api_gateway.settings import GatewaySettings


def main() -> None:
    """Write the document; nothing is connected to."""
    settings = GatewaySettings.model_validate(
        {"database_url": "postgresql://nobody@127.0.0.1/none"}
    )
    json.dump(create_app(settings).openapi(), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
