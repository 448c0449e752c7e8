#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A farm of another protocol version is told from a dead one, in words, with which side to upgrade.
. "$(dirname "$0")/lib.sh"

mkfifo hold
peer_of_tomorrow <hold >address &
peer=$!
exec 3>hold
wait_for 10 test -s address
expect_exit 4 nightbus jobs --farm "$(cat address)"
expect_words "$WORK/err" "protocol 9" upgrade
ok "$(cat "$WORK/err")"
exec 3>&-
wait $peer

step "a document of another version"
mkdir song
printf 'format: nightbus-mix/2\ntracks: []\n' >song/mix.yaml
expect_exit 1 nightbus render song
expect_words "$WORK/err" "mix.yaml:1:" "nightbus-mix/1"
ok "$(head -1 "$WORK/err")"
