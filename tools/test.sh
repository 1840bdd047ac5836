#!/bin/sh
# From a fresh clone to the tests: sets up what is missing, builds, and runs them all.
# Without root or sudo, tests whose programs are missing are skipped, each with its reason.
set -eu
cd "$(dirname "$0")/.."
. tools/lib/setup.sh
node_minor=19

look_for_build_packages
look_for_accelerators
look_for_test_packages
install_missing
install_modules

exec npm test --silent -- "$@"
