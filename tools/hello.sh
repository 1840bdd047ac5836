#!/bin/sh
# From a fresh clone to a container: sets up what is missing, builds, and says hello from inside
# of one. The image `host` is this machine's own root file system, copy-on-write: no download.
set -eu
cd "$(dirname "$0")/.."
. tools/lib/setup.sh

look_for_build_packages
look_for_accelerators
install_missing
install_modules

if [ $# -eq 0 ]; then set -- echo "hello world"; fi
exec node_modules/.bin/marmita run --rm host "$@"
