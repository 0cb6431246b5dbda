"""Run the ingest service: `python -m ingest`."""

from common.observability.logging import configure_logging
from common.service.app import serve
from ingest.app import create_app
from ingest.settings import IngestSettings

if __name__ == "__main__":
    settings = IngestSettings()
    configure_logging("ingest", debug=settings.debug)
    serve(create_app(settings), settings, settings.port)
