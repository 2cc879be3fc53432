#!/bin/sh
# Times `tunectl plan -b BASELINE -q` (static release build, installed) against `sysctl` reading
# the same parameters, A B A B, and prints medians and their ratio.
#
# What is timed is a copy by install(1), as `sysctl` was installed too: of a file that a linker
# wrote bit by bit the kernel maps single pages.
#
#   benches/plan_vs_sysctl.sh [BASELINE [PAIRS]]
set -eu
cd "$(dirname "$0")/.."
target=$(uname -m)-unknown-linux-musl
cargo build --release --locked --quiet --target "$target"
installed=$PWD/target/installed/tunectl
install -D -m 0755 "target/$target/release/tunectl" "$installed"
uname -srm
grep -m 1 'model name' /proc/cpuinfo || true
sysctl --version
exec cargo bench --quiet --locked --bench plan_vs_sysctl -- \
    "$installed" "${1:-rocketmq-broker}" "${2:-200}"
