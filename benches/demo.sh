#!/usr/bin/env bash
# How long the README's first command takes. Prints figure and limit, fails beyond the limit.
#
#   demo.sh          `demo` once built: the best of five runs, limit 1 s
#   demo.sh --cold   a fresh clone and an empty target directory: build and run, limit 720 s. What is judged is the
#                    processor's seconds, which are what it takes on one free core and more than it takes on two: the
#                    clock's seconds depend on what else the machine does, and are printed beside them. Crates come
#                    from cargo's cache where they are there; downloading them is not judged.
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
    # Six minutes of two cores.
    limit=720
    git clone --quiet --no-hardlinks "$root" "$work/clone"
    cd "$work/clone"
    export CARGO_TARGET_DIR="$work/target"
    cargo fetch --locked --quiet
    read -r wall user system < <(timed cargo run --release -- demo)
    load="$(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
    figure="$(awk "BEGIN { print $user + $system }")"
    echo "demo, cold: $figure s of processor time, limit $limit s ($wall s by the clock, load $load)"
else
    limit=1
    cd "$root"
    cargo build --release --quiet
    binary="$(cargo metadata --format-version 1 --no-deps --offline |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release/lambda-audit"
    figure=999
    for _ in 1 2 3 4 5; do
        read -r once _ < <(timed "$binary" demo)
        if awk "BEGIN { exit !($once < $figure) }"; then figure=$once; fi
    done
    echo "demo, once built: $figure s by the clock, best of five, limit $limit s"
fi
awk "BEGIN { exit !($figure < $limit) }"
