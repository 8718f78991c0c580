#!/usr/bin/env bash
# How long the README's first command takes. Prints figure and limit, fails beyond the limit.
#
#   demo.sh          `demo` once built: the best of five runs, limit 1 s
#   demo.sh --cold   a fresh clone and an empty target directory: clone, build and run, limit 240 s on two cores.
#                    Crates are taken from cargo's cache where they are there, as on a second checkout.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# Prints what `time` says of a command: seconds by the clock, in user code, in the system.
timed() {
    local TIMEFORMAT="%R %U %S"
    { time "$@" >/dev/null 2>"$log"; } 2>&1
}

log="$(mktemp)"
work="$(mktemp -d)"
trap 'rm -rf "$log" "$work"' EXIT

if [[ "${1:-}" == "--cold" ]]; then
    limit=240
    git clone --quiet --no-hardlinks "$root" "$work/clone"
    cd "$work/clone"
    read -r wall user system < <(CARGO_TARGET_DIR="$work/target" timed cargo run --release -- demo)
    load="$(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
    echo "demo, cold: $wall s by the clock ($user s user, $system s system; load $load), limit $limit s"
else
    limit=1
    cd "$root"
    cargo build --release --quiet
    binary="$(cargo metadata --format-version 1 --no-deps --offline |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release/lambda-audit"
    wall=999
    for _ in 1 2 3 4 5; do
        read -r once _ < <(timed "$binary" demo)
        if awk "BEGIN { exit !($once < $wall) }"; then wall=$once; fi
    done
    echo "demo, once built: $wall s by the clock, best of five, limit $limit s"
fi
awk "BEGIN { exit !($wall < $limit) }"
