#!/bin/sh
# Prometheus takes a key from a file only, never from the environment: this writes the file that
# prometheus.yml names, then becomes the command that follows. While reads need no key it is empty,
# and nobody looks at it.
set -eu

umask 077
printf '%s' "${BURNLINE_READ_TOKEN:-}" >"${READ_TOKEN_FILE:-/tmp/read-token}"
exec "$@"
