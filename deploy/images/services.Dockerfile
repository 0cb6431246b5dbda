# One image for all Python services, their migrations and the command line.
# Build: docker build -f deploy/images/services.Dockerfile -t burnline/services .

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements-services.txt ./
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement requirements-services.txt \
    && /opt/venv/bin/python -m pip uninstall --quiet --yes setuptools pip
COPY alembic.ini ./
COPY deploy/migrations deploy/migrations
COPY libs/common/common packages/common
COPY services/ingest/ingest packages/ingest
COPY services/burnrate/burnrate packages/burnrate
COPY services/forecast/forecast packages/forecast
COPY services/gate/gate packages/gate
COPY services/alerts/alerts packages/alerts
COPY services/api-gateway/api_gateway packages/api_gateway
COPY cli/burnline packages/burnline
# The root is read-only at run time, so bytecode is made here and never compared with file times.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash packages \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/burnline

FROM python:3.11.14-slim-bookworm
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/alembic.ini ./
COPY --from=build /app/deploy deploy
COPY --from=build /app/packages packages
# A volume that is mounted here takes over the owner.
COPY --from=build --chown=10001:10001 /var/lib/burnline /var/lib/burnline
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app/packages \
    PYTHONUNBUFFERED=1 \
    BURNLINE_HOST=0.0.0.0 \
    BURNLINE_DATA_DIR=/var/lib/burnline
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "common.http.probe"]
CMD ["python", "-m", "api_gateway"]
