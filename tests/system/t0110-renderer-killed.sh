#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A renderer killed with -9 in mid-render loses nothing; one renderer or two give the same file.
. "$(dirname "$0")/lib.sh"

tone_album tones 240 12 dear
nightbus render tones/songs/tones -o local.wav >/dev/null
start_farm --renderers 2 --threads 1
cd tones
nightbus album create tones-album

step "kill the renderer that has the task"
# The other one joins in later, so that the song is one task (t0425 has the other case).
nightbus node drain renderer-2 >/dev/null
nightbus push --no-wait -m "long" >/dev/null
is_running() { [ "$(nightbus jobs --json | jq -r '.jobs[0].state')" = running ]; }
has_begun() { [ "$(nightbus jobs --json | jq '.jobs[0].done_frames // 0')" -gt 0 ]; }
wait_for 60 is_running
wait_for 60 has_begun
nightbus node resume renderer-2 >/dev/null
node=$(nightbus jobs --json | jq -r '.jobs[0].node')
number=${node##*-}
kill_process "$(farm_json "renderer_pids[$((number - 1))]")"
ok "killed $node"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/tones-v1.wav" || fail "the file differs"
[ "$(nightbus jobs --json | jq '.jobs[0].attempts')" -ge 2 ] || fail "it was not a second attempt"
ok "the other one finished it; same file"
stop_farm

step "a farm of one"
cd "$WORK"
rm -rf tones farm
tone_album tones 8 4 dear
nightbus render tones/songs/tones -o local.wav >/dev/null
start_farm --renderers 1
cd tones
nightbus album create tones-album
nightbus push -m "alone" >/dev/null
nightbus fetch tones@v1 -o "$WORK/out1" >/dev/null
cmp "$WORK/local.wav" "$WORK/out1/tones-v1.wav" || fail "one renderer gives another file"
ok "same file"
stop_farm

step "renderers that do not share the disk"
cd "$WORK"
rm -rf tones/.nightbus farm
start_farm --renderers 2 --transfer
cd tones
nightbus album create tones-album
nightbus push -m "over the wire" >/dev/null
nightbus fetch tones@v1 -o "$WORK/out2" >/dev/null
cmp "$WORK/local.wav" "$WORK/out2/tones-v1.wav" || fail "transfer gives another file"
ok "same file"
