#!/usr/bin/env bash
# Installs what is missing, then checks everything: format, lints, tests, documentation. The first failure ends it.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")"
# shellcheck disable=SC2034 # read by setup.sh
english=1
. .ci/setup.sh

[ $# -eq 0 ] || die "takes no arguments" "one test alone: cargo test NAME"

# Builds without default features where neither cmake nor a C compiler can be called, and looks at what is built.
without_c() {
    local hidden tree
    hidden=$(mktemp -d)
    printf '#!/bin/sh\nexit 1\n' >"$hidden/cmake"
    chmod +x "$hidden/cmake"
    PATH="$hidden:$PATH" CC=false CXX=false RUSTFLAGS='-D warnings' cargo check --quiet --no-default-features --target-dir target/without-c
    rm -r "$hidden"
    tree=$(cargo tree --no-default-features --edges normal,build --prefix none)
    if printf '%s\n' "$tree" | grep -E '^(paho-mqtt|cc|cmake)( |-sys )'; then
        die "without default features, these must not be built"
    fi
}

setup checks
say "1/6 format"
cargo fmt --check
say "2/6 lints"
cargo clippy --all-targets --all-features -- -D warnings
cargo check --quiet --lib
(cd tests/bench && cargo check --quiet --benches)
say "3/6 the native engine alone, without a C compiler"
without_c
say "4/6 tests, examples and the code in the documentation, on the engine Paho"
RAPPEL_TEST_ENGINE=paho cargo test --all-features
say "5/6 the integration tests on the engine Native"
RAPPEL_TEST_ENGINE=native cargo test --all-features --test it
say "6/6 documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --all-features
say "all checks passed"
