#!/usr/bin/env bash
# Installs what is missing, then checks everything: format, lints, tests, documentation. The first failure ends it.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")"
. .ci/setup.sh

[ $# -eq 0 ] || die "takes no arguments" "one test alone: cargo test NAME"

setup checks
say "1/4 format"
cargo fmt --check
say "2/4 lints"
cargo clippy --all-targets --all-features -- -D warnings
cargo check --quiet --lib
say "3/4 tests, examples and the code in the documentation"
cargo test --all-features
say "4/4 documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --all-features
say "all checks passed"
