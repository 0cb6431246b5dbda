"""Runs the gateway: `python -m api_gateway`."""

from api_gateway.app import create_app
from api_gateway.settings import GatewaySettings
from common.service.app import serve

if __name__ == "__main__":
    settings = GatewaySettings()
    serve(create_app(settings), settings, settings.port)
