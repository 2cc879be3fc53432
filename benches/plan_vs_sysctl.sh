#!/bin/sh
# Times `tunectl plan -b BASELINE -q` (static release build) against `sysctl` reading the same
# parameters, A B A B, and prints medians and their ratio.
#   benches/plan_vs_sysctl.sh [BASELINE [PAIRS]]
set -eu
cd "$(dirname "$0")/.."
target=$(uname -m)-unknown-linux-musl
cargo build --release --locked --quiet --target "$target"
uname -srm
grep -m 1 'model name' /proc/cpuinfo || true
sysctl --version
exec cargo bench --quiet --locked --bench plan_vs_sysctl -- \
    "$PWD/target/$target/release/tunectl" "${1:-rocketmq-broker}" "${2:-200}"
