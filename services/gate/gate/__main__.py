"""Run the service: `python -m gate`."""

from common.service.app import serve
from gate.app import create_app
from gate.settings import AllSettings

if __name__ == "__main__":
    settings = AllSettings()
    serve(create_app(settings), settings.service, settings.gate.port)
