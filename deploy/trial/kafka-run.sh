#!/usr/bin/env bash
# Writes the settings of the environment to a file, formats the storage once, and runs the broker.
# As in the model, KAFKA_LOG_DIRS becomes log.dirs, and three underscores a dash, two an underscore.
set -euo pipefail

properties=/opt/kafka/config/server.properties
env | grep '^KAFKA_' | grep -v '^KAFKA_HEAP_OPTS=' | while IFS='=' read -r name value; do
  key=$(printf '%s' "${name#KAFKA_}" | tr '[:upper:]' '[:lower:]' |
    sed -e 's/___/-/g' -e 's/__/\x01/g' -e 's/_/./g' -e 's/\x01/_/g')
  printf '%s=%s\n' "$key" "$value"
done >"$properties"
printf '%s\n' rootLogger.level=WARN rootLogger.appenderRef.c.ref=c appender.c.type=Console \
  appender.c.name=c appender.c.layout.type=PatternLayout >/opt/kafka/config/log4j2.properties

read -ra heap <<<"${KAFKA_HEAP_OPTS:-}"
java=(java "${heap[@]}" -Dlog4j2.configurationFile=/opt/kafka/config/log4j2.properties
  -Dkafka.logs.dir=/opt/kafka/logs -cp '/opt/kafka/libs/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted \
  --cluster-id "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" --config "$properties"
exec "${java[@]}" kafka.Kafka "$properties"
