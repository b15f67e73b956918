#!/usr/bin/env bash
# Installs what is missing, builds and runs the demo: a broker, three simulated Pis and the display of exercise 4.
# Whatever follows the command goes to the demo: ./demo.sh --help
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")"
. .ci/setup.sh

setup
say "building the demo (the first time this takes a few minutes)"
cargo build --example demo
say "running the demo"
exec cargo run --quiet --example demo -- "$@"
