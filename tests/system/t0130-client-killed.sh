#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A push and a fetch that were cut go on where they stopped; what is there is not sent again.
. "$(dirname "$0")/lib.sh"

tone_album tones 120 16
start_farm --renderers 1
cd tones
nightbus album create tones-album
total=$(du -cb audio/*.wav | tail -1 | cut -f1)

step "a push, killed twice"
stored() { (du -sb "$WORK/farm/store" 2>/dev/null || true) | cut -f1; } # files are renamed meanwhile
for part in 4 2; do
    nightbus push --no-wait -m "cut" >/dev/null 2>&1 &
    push=$!
    reached() { [ "$(stored)" -gt $((total / part)) ] || ! kill -0 "$push" 2>/dev/null; }
    wait_for 60 reached
    kill -KILL "$push" 2>/dev/null || true
    wait "$push" 2>/dev/null || true
done
before=$(stored)
nightbus push --no-wait -m "cut" --json >"$WORK/push.json"
sent=$(jq .sent_bytes "$WORK/push.json")
ok "$((before / 1000000)) MB were there, $((sent / 1000000)) of $((total / 1000000)) MB were sent last"
# At most a window of chunks may come twice.
[ $((sent + before)) -lt $((total + 16 * 1048576)) ] || fail "what was there was sent again"
nightbus push --no-wait -m "again" --json >"$WORK/push.json"
[ "$(jq .sent_bytes "$WORK/push.json")" -lt 100000 ] || fail "a second push sent audio"

step "a fetch, killed"
nightbus fetch tones@v1 -o "$WORK/whole" >/dev/null
mkdir "$WORK/cut"
nightbus fetch tones@v1 -o "$WORK/cut" >/dev/null 2>&1 &
fetch=$!
cut_there() { [ -n "$(find "$WORK/cut" -type f -size +1000k)" ] || ! kill -0 "$fetch" 2>/dev/null; }
wait_for 60 cut_there
kill -KILL "$fetch" 2>/dev/null || true
wait "$fetch" 2>/dev/null || true
nightbus fetch tones@v1 -o "$WORK/cut" >/dev/null
cmp "$WORK/whole/tones-v1.wav" "$WORK/cut/tones-v1.wav" || fail "the resumed fetch differs"
[ "$(find "$WORK/cut" -type f | wc -l)" = 2 ] || fail "something else was left: $(ls "$WORK/cut")"
ok "same file"
