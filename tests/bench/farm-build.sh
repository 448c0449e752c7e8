# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# For the farm's benchmarks: build what they run, unless NIGHTBUS_BIN names built programs.
set -euo pipefail

build_programs() {
    [ -z "${NIGHTBUS_BIN:-}" ] || return 0
    local here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    NIGHTBUS_BIN=$(PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here" python3 -c '
import sys, build
print(build.build(build.default_folder(), sys.argv[1:]))' "$@")
    export NIGHTBUS_BIN
}
