#!/usr/bin/env bash
# What action.yml runs: gets the program, audits, writes reports, step summary and outputs, and exits as the audit did.
# Inputs are environment variables (INPUT_…). Runs outside GitHub too: every GITHUB_… variable may be missing.
set -euo pipefail

fail() {
    echo "::error title=lambda-audit::$1"
    exit 2
}

input() {
    local name="INPUT_$1"
    printf '%s' "${!name:-}"
}

is_true() {
    case "$(input "$1")" in
        true) return 0 ;;
        false | "") return 1 ;;
        *) fail "input $1 must be true or false" ;;
    esac
}

root="${ACTION_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}"

# The target triple of this runner's release asset.
target() {
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) echo x86_64-unknown-linux-musl ;;
        Linux-aarch64) echo aarch64-unknown-linux-musl ;;
        Darwin-x86_64) echo x86_64-apple-darwin ;;
        Darwin-arm64) echo aarch64-apple-darwin ;;
        MINGW*-x86_64 | MSYS*-x86_64) echo x86_64-pc-windows-msvc ;;
        *) fail "there is no released program for $(uname -s) $(uname -m): set build to true" ;;
    esac
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

# Sets `program`.
get_program() {
    # For tests, and for runners that have it: a program that is already there.
    if [[ -n "${LAMBDA_AUDIT:-}" ]]; then
        program="$LAMBDA_AUDIT"
        return
    fi
    if is_true BUILD; then
        (cd "$root" && cargo build --locked --release --quiet)
        program="${CARGO_TARGET_DIR:-$root/target}/release/lambda-audit"
        return
    fi
    local version triple archive base work expected
    version="$(input VERSION)"
    [[ -n "$version" ]] || version="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)"
    [[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "version must look like 0.1.0"
    triple="$(target)"
    archive="lambda-audit-$version-$triple.tar.gz"
    base="${RELEASE_URL:-${SERVER_URL:-https://github.com}/${ACTION_REPOSITORY:?}/releases/download/v$version}"
    work="$(mktemp -d)"
    local name
    for name in "$archive" SHA256SUMS; do
        curl --fail --silent --show-error --location --retry 3 --output "$work/$name" "$base/$name" ||
            fail "cannot download $name of version $version"
    done
    # The line of this very file: a list without it proves nothing.
    expected="$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")"
    [[ "$expected" =~ ^[0-9a-f]{64}$ ]] || fail "SHA256SUMS has no line for $archive"
    [[ "$(sha256 "$work/$archive")" == "$expected" ]] || fail "the checksum of $archive is wrong: it is not used"
    tar -xzf "$work/$archive" -C "$work"
    program="$work/lambda-audit"
    [[ -f "$program" ]] || program="$work/lambda-audit.exe"
    [[ -f "$program" ]] || fail "$archive does not hold the program"
}

# Adds an option and its value, where there is one.
option() {
    local value
    value="$(input "$2")"
    if [[ -n "$value" ]]; then arguments+=("$1" "$value"); fi
}

# The same for a list, a value a line.
options() {
    local line
    while IFS= read -r line || [[ -n "$line" ]]; do
        line="${line%$'\r'}"
        if [[ -n "$line" ]]; then arguments+=("$1" "$line"); fi
    done < <(input "$2")
}

output() {
    if [[ -n "${GITHUB_OUTPUT:-}" ]]; then printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; fi
}

get_program
directory="$(input OUTPUT_DIRECTORY)"
directory="${directory:-lambda-audit-report}"
case "$directory" in *$'\n'* | *$'\r'*) fail "output-directory must be one line" ;; esac
mkdir -p "$directory"
snapshot="$(input SNAPSHOT)"
trail="$(input TRAIL)"

arguments=()
if is_true LOGGING; then
    arguments=(logging)
    option --snapshot SNAPSHOT
    options --trail TRAIL
elif [[ -n "$snapshot" ]]; then
    arguments=(scan --snapshot "$snapshot")
    options --trail TRAIL
elif [[ -n "$trail" ]]; then
    arguments=(replay)
    while IFS= read -r line || [[ -n "$line" ]]; do
        line="${line%$'\r'}"
        case "$line" in
            "") ;;
            -*) arguments+=("./$line") ;;
            *) arguments+=("$line") ;;
        esac
    done < <(input TRAIL)
else
    # Live, with the credentials that the job has.
    arguments=(scan)
fi
option --config CONFIG
options --policies POLICIES
option --policy-profile POLICY_PROFILE
option --fail-on FAIL_ON
option --baseline BASELINE
if is_true ALLOW_INCOMPLETE; then arguments+=(--allow-incomplete); fi

code=0
if is_true LOGGING; then
    "$program" "${arguments[@]}" --output text --output "json=$directory/logging.json" || code=$?
    output json "$directory/logging.json"
else
    option --anchor ANCHOR
    formats=(--output github)
    for one in json=json sarif=sarif html=html junit=xml csv=csv ocsf=ocsf.jsonl markdown=md; do
        formats+=(--output "${one%%=*}=$directory/lambda-audit.${one#*=}")
    done
    "$program" "${arguments[@]}" "${formats[@]}" || code=$?
    if [[ -f "$directory/lambda-audit.md" && -n "${GITHUB_STEP_SUMMARY:-}" ]]; then
        cat "$directory/lambda-audit.md" >>"$GITHUB_STEP_SUMMARY"
    fi
    for one in json sarif html; do
        if [[ -f "$directory/lambda-audit.$one" ]]; then output "$one" "$directory/lambda-audit.$one"; fi
    done
    if [[ -f "$directory/lambda-audit.json" ]]; then
        # The summary's own figure: the last of the file's members of that name at that depth.
        output new "$(sed -n 's/^    "new": \([0-9]*\),$/\1/p' "$directory/lambda-audit.json" | tail -n 1)"
    fi
fi
output exit-code "$code"
exit "$code"
