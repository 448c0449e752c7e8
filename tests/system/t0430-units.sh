#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The systemd units are ones that systemd takes without a word.
. "$(dirname "$0")/lib.sh"

command -v systemd-analyze >/dev/null || skip "systemd-analyze is not here"
units="$SOURCE/deploy/systemd"
for unit in "$units"/*.in; do
    # As an installation writes them, with the programs under test.
    sed "s|@CMAKE_INSTALL_FULL_BINDIR@|$NIGHTBUS_BIN|g" "$unit" >"$WORK/$(basename "$unit" .in)"
done
cp "$units"/*.timer "$WORK"

step "each unit"
for unit in "$WORK"/*.service "$WORK"/*.timer; do
    name=$(basename "$unit")
    [ "$name" != "nightbus-renderer@.service" ] || {
        cp "$unit" "$WORK/nightbus-renderer@studio-b.service"
        unit="$WORK/nightbus-renderer@studio-b.service"
    }
    expect_exit 0 systemd-analyze verify "$unit"
    [ ! -s "$WORK/err" ] || {
        cat "$WORK/err" >&2
        fail "systemd-analyze has something to say about $name"
    }
    ok "$name"
done

step "a unit with a mistake is not taken"
sed 's/^TimeoutStopSec=.*/TimeoutStopSec=soon/' "$WORK/nightbus-coordinator.service" >"$WORK/broken.service"
systemd-analyze verify "$WORK/broken.service" >"$WORK/said" 2>&1 || true
expect_words "$WORK/said" "Failed to parse time value"

step "the options are ones that the programs have"
for option in --data --control --bulk --lease-ms --metrics-file --log-format --backup; do
    nightbus-coordinator --help >"$WORK/said"
    expect_words "$WORK/said" "$option"
done
for option in --farm --name --key --cache --cache-gb --log-format; do
    nightbus-renderer --help >"$WORK/said"
    expect_words "$WORK/said" "$option"
done
ok "they are"
