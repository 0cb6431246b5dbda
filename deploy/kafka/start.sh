#!/usr/bin/env bash
# Starts the broker of docker-compose.yml with a cluster id of its own. The image's default id is the
# same everywhere: a broker that lost its volume would pass for the old one, and offsets that no
# longer mean anything would be taken up again.
set -euo pipefail

stored=$KAFKA_LOG_DIRS/meta.properties
if [[ -s $stored ]]; then
  CLUSTER_ID=$(sed -n 's/^cluster\.id=//p' "$stored")
else
  # 16 random bytes in URL-safe base64; a leading dash would be read as an option
  CLUSTER_ID=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/')
fi
export CLUSTER_ID
exec /etc/kafka/docker/run
