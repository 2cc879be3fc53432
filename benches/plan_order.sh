#!/bin/sh
# Writes packaging/plan.ld anew: the functions that `tunectl plan` runs through, as valgrind sees them.
#
# Worth a run where such a plan takes another way through the program, or where Rust names functions
# in another way. What the list lacks lies elsewhere in the program and costs a page fault; what it
# has too much costs nothing.
#
#   benches/plan_order.sh [BASELINE]        needs valgrind
set -eu
cd "$(dirname "$0")/.."
target=$(uname -m)-unknown-linux-musl
# With the names; in a directory of its own, so that the next build is none of these.
CARGO_PROFILE_RELEASE_STRIP=none cargo build --release --locked --quiet --bin tunectl \
    --target "$target" --target-dir target/order
seen=$(mktemp)
trap 'rm -f "$seen" "${new:-}"' EXIT
valgrind --quiet --tool=callgrind --demangle=no --callgrind-out-file="$seen" \
    "target/order/$target/release/tunectl" plan -b "${1:-rocketmq-broker}" > /dev/null
new=$(mktemp -p .)
{
    sed '/^SECTIONS/,$d' packaging/plan.ld
    printf 'SECTIONS\n{\n  .text.plan :\n  {\n    *(\n'
    # fn=(12) _ZN7tunectl4plan4plan17h7272c7c048e02898E'2: without the depth of a recursion, and
    # without the hashes of this build and of the crates, and the numbers of what the compiler split.
    # What the compiler takes for rare is in .text.unlikely; one pattern for both, .text*, would keep
    # the linker busy for a minute. valgrind knows no openat2: what follows on one is named here.
    {
        sed -nE "s/^c?fn=\([0-9]+\) (_(ZN|R)[^']*).*/\1/p" "$seen" \
            | sed -E 's/17h[0-9a-f]{16}E.*/17h*/; s/Cs[0-9A-Za-z]+_/Cs*_/g; s/\.[0-9]+$/*/; y/$/?/'
        printf '%s\n' '_ZN7tunectl7procsys7beneath*'
    } | sed 'h; s/.*/      .text.&/p; g; s/.*/      .text.unlikely.&/' | LC_ALL=C sort -u
    printf '    )\n'
    # The C library and what the compiler adds are small, and take part as a whole.
    printf '    *%s:*(.text .text.*)\n' libc.a 'libcompiler_builtins*'
    printf '  }\n}\nINSERT BEFORE .text;\n'
} > "$new"
mv "$new" packaging/plan.ld
chmod 0644 packaging/plan.ld
