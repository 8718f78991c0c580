#!/usr/bin/env bash
# Packs what a release has for one target: the program, its manual pages and completions, licences and change log.
#
# Usage: release-archive.sh TARGET DIRECTORY    the directory holds the built program, which must run here
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=$1
built=$2
program="$built/lambda-audit"
[[ -f "$program" ]] || program="$built/lambda-audit.exe"
version="$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)"
[[ "$("$program" --version)" == "lambda-audit $version"* ]] || { echo "$program is not version $version" >&2; exit 1; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/completions"
cp "$program" LICENSE-MIT LICENSE-APACHE NOTICE CHANGELOG.md "$work/"
"$program" man --to "$work/man"
for shell in bash elvish fish powershell zsh; do
    "$program" completions "$shell" >"$work/completions/lambda-audit.$shell"
done
# The same bytes for the same program: names in order, no times, no owners.
tar --version 2>/dev/null | grep -q GNU && same=(--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner) || same=()
# An empty list is an error to the old bash of macOS unless it is asked for like this.
tar ${same[@]+"${same[@]}"} -cf - -C "$work" . | gzip -n >"lambda-audit-$version-$target.tar.gz"
echo "lambda-audit-$version-$target.tar.gz"
