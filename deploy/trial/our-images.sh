#!/usr/bin/env bash
# Builds our images on the network of this machine, whose names a container's own cannot resolve
# everywhere.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^BURNLINE_VERSION=//p' .env.example)
for name in services dashboard; do
  docker build --quiet --network host --file "deploy/images/$name.Dockerfile" \
    --tag "burnline/$name:$version" .
done
