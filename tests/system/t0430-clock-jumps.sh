#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The wall clock of every process jumps a day ahead and two days back in mid-render: no lease ends
# by it, and what people write is kept in its order.
. "$(dirname "$0")/lib.sh"
library="$NIGHTBUS_BIN/../lib/libjumping_clock.so"
[ -f "$library" ] || skip "libjumping_clock.so was not built"

tone_album tones 90 8 dear
nightbus render tones/songs/tones -o local.wav >/dev/null
export NIGHTBUS_CLOCK_FILE="$WORK/jump"
echo 0 >"$NIGHTBUS_CLOCK_FILE"
LD_PRELOAD=$(realpath "$library") start_farm --renderers 1 --threads 1
cd tones
nightbus album create tones-album

step "jumps while it renders"
nightbus push --no-wait -m "long" >/dev/null
job() { nightbus jobs --json | jq -r ".jobs[0].$1 // 0"; }
is_running() { [ "$(job state)" = running ]; }
wait_for 60 is_running
echo 86400 >"$NIGHTBUS_CLOCK_FILE"
nightbus note add tones@v1 0:01 "of tomorrow" >/dev/null
sleep 0.5
echo -86400 >"$NIGHTBUS_CLOCK_FILE"
nightbus note add tones@v1 0:01 "of yesterday" >/dev/null
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/tones-v1.wav" || fail "the file differs"
[ "$(job attempts)" -eq 1 ] || fail "a lease ended: $(job attempts) attempts"
nightbus note list tones@v1 --json | jq -r '.notes[] | "\(.time_ms) \(.text)"' >"$WORK/notes"
ahead=$(awk -v now="$(date +%s)" '/tomorrow/ { print int(($1 / 1000 - now) / 3600) }' "$WORK/notes")
[ "$ahead" -ge 23 ] || { cat "$WORK/notes"; fail "the clock did not jump"; }
[ "$(awk '{ print $NF }' "$WORK/notes" | xargs)" = "tomorrow yesterday" ] || fail "the notes changed places"
ok "one attempt, same file, the notes in their order"
