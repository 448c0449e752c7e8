#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A machine of a farm of two hangs in mid-render: within 15 s its task is the other one's, and when
# it wakes again it finds that its work was given away and does no harm.
. "$(dirname "$0")/lib.sh"

tone_album tones 120 8 dear
nightbus render tones/songs/tones -o local.wav >/dev/null
start_farm --renderers 2 --threads 1
cd tones
nightbus album create tones-album

step "the machine that has the task stands still"
# The other one joins in later, so that the song is one task.
nightbus node drain renderer-2 >/dev/null
nightbus push --no-wait -m "long" >/dev/null
job() { nightbus jobs --json | jq -r ".jobs[0].$1 // 0"; }
is_running() { [ "$(job state)" = running ]; }
wait_for 60 is_running
nightbus node resume renderer-2 >/dev/null
node=$(job node)
pid=$(farm_json "renderer_pids[$((${node##*-} - 1))]")
kill -STOP "$pid"
start=$(date +%s%N)
is_taken() { [ "$(job attempts)" -ge 2 ] && [ "$(job node)" != "$node" ]; }
wait_for 60 is_taken
took=$((($(date +%s%N) - start) / 1000000))
echo "   taken over after $took ms"
[ "$took" -le 15000 ] || fail "$node's task waited for $took ms"
[ "$(nightbus nodes --json | jq -r ".nodes[] | select(.name == \"$node\").state")" = lost ] ||
    fail "$node is not shown as lost"
ok "within 15 s"

step "it wakes in the middle of the other one's render"
kill -CONT "$pid"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/tones-v1.wav" || fail "the file differs"
is_back() { [ "$(nightbus nodes --json | jq -r ".nodes[] | select(.name == \"$node\").state")" = idle ]; }
wait_for 60 is_back
[ "$(nightbus incidents --json | jq '.incidents | length')" -eq 0 ] || fail "an incident"
expect_words "$WORK/farm/log/$node.log" "so the work is dropped"
ok "same file; $node stopped by itself and waits for work"
