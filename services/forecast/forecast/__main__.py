"""Run the service: `python -m forecast`."""

from common.service.app import serve
from forecast.app import create_app
from forecast.settings import AllSettings

if __name__ == "__main__":
    settings = AllSettings()
    serve(create_app(settings), settings.service, settings.forecast.port)
