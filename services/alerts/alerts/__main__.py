"""Run the service: `python -m alerts`."""

from alerts.app import create_app
from alerts.settings import AllSettings
from common.service.app import serve

if __name__ == "__main__":
    settings = AllSettings()
    serve(create_app(settings), settings.service, settings.alerts.port)
