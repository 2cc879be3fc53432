#!/bin/sh
# Times `tunectl fleet` (static release build) on a made-up fleet's reports against DuckDB and
# polars, from PyPI, both with declared columns and two threads, that answer one of its questions:
# which keys have drifted, on how many hosts. In turn, and prints the table for the README.
#   benches/fleet.sh [HOSTS [ROUNDS]]
set -eu
cd "$(dirname "$0")/.."
hosts=${1:-100000}
rounds=${2:-5}
target=$(uname -m)-unknown-linux-musl
cache=.cache/fleet
program=${TUNECTL:-target/$target/release/tunectl}
mkdir -p "$cache"
[ -n "${TUNECTL:-}" ] || cargo build --release --locked --quiet --target "$target"
cargo build --locked --quiet --example fleet-reports
if [ ! -x "$cache/venv/bin/python" ]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" --quiet install duckdb==2.0.1 polars==2.1.0
fi
file=$cache/$hosts.ndjson
# As of 2026-11-26T12:00:00Z.
[ -s "$file" ] || target/debug/examples/fleet-reports 1 "$hosts" 0 1795694400 "$file.known" >"$file"
uname -srm
grep -m 1 'model name' /proc/cpuinfo || true
exec "$cache/venv/bin/python" benches/fleet.py "$program" "$file" "$rounds"
