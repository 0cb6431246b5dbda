# The dashboard as static files, and the way to the API beside it.
# Build: docker build -f deploy/images/dashboard.Dockerfile -t burnline/dashboard .

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY frontend/ ./
# Packed here once, so that nginx need not do it for every visitor.
RUN npm run build \
    && find dist -type f \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' \) \
        -exec gzip -9 -k -n {} +

FROM nginxinc/nginx-unprivileged:1.28.0-bookworm
COPY deploy/images/nginx/nginx.conf deploy/images/nginx/page-headers.conf /etc/nginx/
COPY deploy/images/nginx/burnline.conf.template /etc/nginx/templates/burnline.conf.template
COPY --from=build /app/dist /usr/share/nginx/dashboard
# Filled in at the start: where the gateway is, and who resolves its name. Nothing is written
# outside /tmp, so the root may be read-only.
ENV BURNLINE_GATEWAY=http://api-gateway:8000 \
    NGINX_ENTRYPOINT_LOCAL_RESOLVERS=1 \
    NGINX_ENVSUBST_OUTPUT_DIR=/tmp \
    NGINX_ENVSUBST_FILTER="^(BURNLINE_|NGINX_LOCAL_)"
USER 101:101
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && ((status == 200))"]
