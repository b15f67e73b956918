#!/usr/bin/env bash
# Installs what is missing, builds and runs the demo: a broker, three simulated Pis and the display of exercise 4.
# Whatever follows the command goes to the demo: ./demo.sh --help
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")"
. .ci/setup.sh

setup
# What is built already is built again in silence, and in no time.
quiet=--quiet
if [ ! -x "${CARGO_TARGET_DIR:-target}/debug/examples/demo" ]; then
    say "construction de la démonstration : quelques minutes la première fois"
    quiet=
fi
cargo build $quiet --example demo || die "la démonstration n'a pas pu être construite" "la raison est ci-dessus ; $(network)"
say "démonstration"
exec cargo run --quiet --example demo -- "$@"
