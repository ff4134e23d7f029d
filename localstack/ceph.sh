#!/usr/bin/env bash
# A Ceph cluster of one machine with its S3 gateway, for tests/servers on demand:
#
#   localstack/ceph.sh install           # unpacks Debian's packages (70 MB) into .cache/ceph; no root
#   localstack/ceph.sh run DIR PORT MON  # runs in DIR, on two free ports, until it is told to end
#
# Everything is in memory and known to the gateway's user `test` with the key `testtest`.
set -euo pipefail

home=$(cd "$(dirname "$0")/.." && pwd)/.cache/ceph
root="$home/root"
bin="$root/usr/bin"

say() { echo "ceph: $*" >&2; }

install() {
  [[ -e $home/installed ]] && return
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { say "needs Debian's packages"; exit 1; }
  say "unpacking Debian's packages into .cache/ceph, once"
  rm -rf "$home" && mkdir -p "$home/debs" "$root"
  local packages=(ceph-common ceph-mon ceph-osd radosgw)
  apt-get install --print-uris -qq -y --no-install-recommends "${packages[@]}" | cut -d"'" -f2 >"$home/uris"
  [[ -s $home/uris ]] || { say "apt-get names no packages: apt-get update"; exit 1; }
  (cd "$home/debs" && xargs -n 1 -P 6 curl -sfLO <"$home/uris")
  for deb in "$home"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
  rm -rf "$home/debs"
  touch "$home/installed"
}

run() { # folder, port of the gateway, port of the monitor
  local dir=$1 port=$2 mon=$3 lib="$root/usr/lib/x86_64-linux-gnu"
  local fsid=6c656d6d-696e-4720-8000-000000000001 osd=6c656d6d-696e-4720-8000-000000000002
  local tool=(timeout 60)
  export LD_LIBRARY_PATH="$root/lib/x86_64-linux-gnu:$lib:$lib/ceph"
  export PYTHONPATH="$root/usr/lib/python3/dist-packages"
  export CEPH_CONF="$dir/ceph.conf"
  mkdir -p "$dir/mon" "$dir/osd" "$dir/rgw"
  cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$mon
public addr = 127.0.0.1
keyring = $dir/keyring
run dir = $dir
log file = $dir/\$name.log
admin socket = $dir/\$name.asok
mon data = $dir/mon
mon data avail crit = 1
osd data = $dir/osd
osd objectstore = memstore
osd class dir = $lib/rados-classes
erasure code dir = $lib/ceph/erasure-code
plugin dir = $lib/ceph
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
mon allow pool size one = true
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
CONF
  trap 'kill -9 $(jobs -p) 2>/dev/null' EXIT
  trap 'exit 0' TERM
  "$bin/ceph-authtool" --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
  "$bin/ceph-authtool" "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
  "$bin/ceph-authtool" "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
  "$bin/monmaptool" --create --addv a "[v2:127.0.0.1:$mon]" --fsid "$fsid" "$dir/monmap"
  "$bin/ceph-mon" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring"
  "$bin/ceph-mon" -i a -f &
  # The commands wait until the monitor and then the store daemon answer.
  "${tool[@]}" /usr/bin/python3 "$bin/ceph" osd new "$osd"
  "$bin/ceph-osd" -i 0 --mkfs --osd-uuid "$osd"
  "$bin/ceph-osd" -i 0 -f &
  "${tool[@]}" "$bin/radosgw-admin" user create --uid=test --display-name=test --access-key=test --secret-key=testtest
  "$bin/radosgw" -n client.admin -f &
  # Whichever ends first, the cluster is of no use then.
  wait -n
}

case ${1:-} in
  install) install ;;
  run) shift; run "$@" ;;
  *) say "usage: ceph.sh install, or ceph.sh run DIR PORT MON"; exit 2 ;;
esac
