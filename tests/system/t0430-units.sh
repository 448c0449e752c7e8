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
for program in nightbus-coordinator nightbus-renderer; do
    # Each command with the lines that it goes on over, and of those the options.
    sed -n -e ':more' -e '/\\$/{N;b more' -e '}' -e "/^ExecStart=.*\/$program /p" "$units"/*.in |
        grep -oE -- ' --[a-z-]+' | sort -u >options
    [ "$(wc -l <options)" -ge 6 ] || fail "$program has hardly any options: $(xargs <options)"
    "$program" --help >"$WORK/said"
    while read -r option; do
        grep -qE -- "^ *$option( |\$)" "$WORK/said" || fail "$program has no $option"
    done <options
    ok "$program: $(xargs <options)"
done
