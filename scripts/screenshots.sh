#!/usr/bin/env bash
# Makes the pictures of the demo's report in docs/: light, dark, narrow. Needs Chromium and `npm ci` in tests/browser
# (`.ci/run` installs both).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo run --quiet -- demo --quiet --output "html=$work/report.html"
node tests/browser/shots.mjs "$work/report.html" docs
