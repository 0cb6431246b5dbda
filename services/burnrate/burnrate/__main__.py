"""Run the service: `python -m burnrate`."""

from burnrate.app import create_app
from burnrate.settings import AllSettings
from common.service.app import serve

if __name__ == "__main__":
    settings = AllSettings()
    serve(create_app(settings), settings.service, settings.burnrate.port)
