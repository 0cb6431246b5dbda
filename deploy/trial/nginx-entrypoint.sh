#!/usr/bin/env bash
# Fills in the templates, as the model does: only variables that are set are replaced.
set -euo pipefail

if [[ -n ${NGINX_ENTRYPOINT_LOCAL_RESOLVERS:-} ]]; then
  NGINX_LOCAL_RESOLVERS=$(awk '$1 == "nameserver" {print $2}' ORS=' ' /etc/resolv.conf)
  export NGINX_LOCAL_RESOLVERS=${NGINX_LOCAL_RESOLVERS% }
fi
output=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}
names=$(awk -v filter="${NGINX_ENVSUBST_FILTER:-}" \
  'BEGIN { for (name in ENVIRON) if (name ~ filter) printf "${%s} ", name }')
for template in /etc/nginx/templates/*.template; do
  envsubst "$names" <"$template" >"$output/$(basename "${template%.template}")"
done
exec "$@"
