#!/bin/sh
# Times tunectl (static release build) on a host of many interfaces against what else would read or
# write the same parameters: `sysctl` and systemd-sysctl. In a network namespace of its own, with
# veth pairs; four patterns stand for eight parameters of each pair. Medians of rounds in turn.
#
#   benches/interfaces.sh [PAIRS [ROUNDS]]        as root
set -eu
if [ "${1:-}" != inside ]; then
    cd "$(dirname "$0")/.."
    target=$(uname -m)-unknown-linux-musl
    cargo build --release --locked --quiet --target "$target"
    install -D -m 0755 "target/$target/release/tunectl" target/installed/tunectl
    uname -srm
    grep -m 1 'model name' /proc/cpuinfo || true
    exec unshare -mnuip --fork --kill-child --mount-proc \
        "$0" inside "$PWD/target/installed/tunectl" "${1:-2000}" "${2:-7}"
fi
tunectl=$2 pairs=$3 rounds=$4
# Nothing of the host's is read or written but what its network namespace has to itself.
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mkdir /run/etc /run/times
cp -a /etc/. /run/etc
mount --bind /run/etc /etc
rm -rf /etc/sysctl.conf /etc/sysctl.d /etc/tunectl
mkdir /etc/sysctl.d
mount -t tmpfs none /usr/lib/sysctl.d
for i in $(seq "$pairs"); do echo "link add a$i type veth peer name b$i"; done | ip -batch -
cat > /etc/many.yaml <<'EOF'
name: many
parameters:
  net.ipv4.conf.*.rp_filter: 1
  net.ipv4.conf.*.send_redirects: 0
  net.ipv4.conf.*.accept_redirects: 0
  net.ipv6.conf.*.accept_ra: 0
EOF
"$tunectl" plan -q -b /etc/many.yaml | head -n 1
"$tunectl" apply -q -b /etc/many.yaml > /dev/null
# The same in the loaders' own form, each parameter by its name.
grep '^net' /etc/sysctl.d/99-tunectl.conf | grep -v '\*' > /etc/written.conf
sed 's/ = .*//' /etc/written.conf > /etc/names
systemd=/usr/lib/systemd/systemd-sysctl

# Times a command in microseconds, and puts that to the others of its name.
timed() {
    name=$1
    shift
    begun=$(date +%s%N)
    "$@" > /dev/null
    echo $((($(date +%s%N) - begun) / 1000)) >> "/run/times/$name"
}
for _ in $(seq "$rounds"); do
    timed 'tunectl plan, in sync' "$tunectl" plan -q
    timed 'tunectl apply, in sync' "$tunectl" apply -q
    timed 'sysctl, reading them' xargs -a /etc/names sysctl
    timed 'sysctl -p, writing them' sysctl -p /etc/written.conf
    [ ! -x "$systemd" ] || timed 'systemd-sysctl, writing them' "$systemd" /etc/written.conf
    sed -n 's/^\(net.ipv4[^ ]*rp_filter\) = .*/\1 = 0/p' /etc/written.conf | sysctl -qp -
    timed 'tunectl apply, a quarter to write' "$tunectl" apply -q
done
wc -l < /etc/names | sed 's/$/ parameters; medians in ms/'
for file in /run/times/*; do
    median=$(sort -n "$file" | sed -n "$(((rounds + 1) / 2))p")
    printf '%-36s %8d\n' "${file##*/}" $((median / 1000))
done
