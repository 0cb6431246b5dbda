#!/usr/bin/env bash
# Makes the cluster at the first start, as the model does: scram for every address but the socket.
set -euo pipefail

if [[ $1 == postgres && ! -s $PGDATA/PG_VERSION ]]; then
  : "${POSTGRES_PASSWORD:?the superuser needs a password}"
  user=${POSTGRES_USER:-postgres}
  mkdir -p "$PGDATA"
  initdb --username "$user" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") \
    --auth-local trust --auth-host scram-sha-256
  printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
  printf "listen_addresses = '*'\n" >>"$PGDATA/postgresql.conf"
  pg_ctl start --silent --wait --options "-c listen_addresses= -c unix_socket_directories=/tmp"
  database=${POSTGRES_DB:-$user}
  [[ $database == postgres ]] || createdb --host /tmp --username "$user" "$database"
  pg_ctl stop --silent --wait --mode fast
fi
exec "$@"
