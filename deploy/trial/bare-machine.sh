#!/usr/bin/env bash
# Runs `make up` as a newcomer would, on a machine with nothing but Debian's python3, python3-venv,
# make, git and ca-certificates: a chroot. Says how long each step took; fails unless a snapshot of
# the demonstration is served from Apache Kafka, the first time and again without a network.
# Usage, as root and with debootstrap: deploy/trial/bare-machine.sh [user to run it as]
set -euo pipefail
user=${1:-root}
checkout=$(cd "$(dirname "$0")/../.." && pwd)
work=${TRIAL_DIR:-/var/lib/burnline-trial}
base=$work/bare-base
mkdir -p "$work"

if [[ -z ${BARE_MACHINE:-} ]]; then
  exec 9>"$base.lock"
  flock 9 # several trials share what debootstrap made
  if [[ ! -e $base.complete ]]; then
    rm -rf "$base"
    debootstrap --variant=minbase --include=python3,python3-venv,make,git,ca-certificates \
      "${TRIAL_RELEASE:-bookworm}" "$base" >"$base.log" || { tail "$base.log" >&2; exit 1; }
    touch "$base.complete"
  fi
  exec 9>&-
  # All mounts and processes of the machine end with the shell that is started here.
  BARE_MACHINE=$(mktemp -d "$work/bare-machine.XXXXXX")
  export BARE_MACHINE
  trap 'rm -rf --one-file-system "$BARE_MACHINE"' EXIT
  unshare --mount --pid --fork --kill-child "$0" "$@"
  exit
fi

machine=$BARE_MACHINE/root
cp -a "$base" "$machine"
mount -t proc proc "$machine/proc"
mount --rbind /dev "$machine/dev"
git clone --quiet --bare --no-hardlinks "$checkout" "$machine/burnline.git"
cp /etc/resolv.conf /etc/hosts "$machine/etc/"
# a machine behind an inspecting proxy trusts certificates of its own
cp /usr/local/share/ca-certificates/*.crt "$machine/usr/local/share/ca-certificates/" 2>/dev/null || true
chroot "$machine" update-ca-certificates >/dev/null 2>&1
[[ $user == root ]] || chroot "$machine" useradd --create-home --shell /bin/bash "$user"
chroot "$machine" chown -R "$user" /burnline.git

kept=$(env | grep -iE '^([a-z]*_proxy|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|PIP_INDEX_URL)=' || true)
inside() {
  mapfile -t variables <<<"$kept"
  chroot --userspec="$user" "$machine" env --ignore-environment "${variables[@]}" \
    HOME="$(chroot "$machine" sh -c "echo ~$user")" TERM=dumb LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash -euc 'cd; cd "burn line" 2>/dev/null || true; '"$1"
}
without_network() {
  # a network of its own, in which only the loopback is up
  export -f inside
  export user machine kept
  unshare --net bash -euc 'chroot "$machine" python3 -c "
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\"16sh\", b\"lo\", 1))"
inside "$1"' - "$1"
}

# A path with a space in it is a path.
begun=$(date +%s)
inside 'git clone --quiet file:///burnline.git "burn line"'
echo "cloned after $(($(date +%s) - begun)) s"
inside 'make up'
echo "first run: $(($(date +%s) - begun)) s from the clone on"
check='eval "$(.venv/bin/burnline env)"; .venv/bin/python - <<END
import httpx, os
url = os.environ.get("BURNLINE_URL") or "$BURNLINE_URL"
snapshot = httpx.get(f"{url}/api/burn", trust_env=False)
assert snapshot.json(), snapshot
page = httpx.get(f"{url}/", trust_env=False)
assert "text/html" in page.headers["content-type"], page
END
.venv/bin/burnline status | grep "Apache Kafka"'
inside "$check"
inside 'make down'

second='begun=$(date +%s); make up; echo "second run, without a network: $(($(date +%s) - begun)) s"'
without_network "$second; $check; make down"
