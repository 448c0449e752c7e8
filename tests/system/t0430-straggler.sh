#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A renderer that is alive and far too slow: past 30 s the other one of the farm begins the same
# task beside it, is done first, and the slow one drops what it has. The file is the same.
. "$(dirname "$0")/lib.sh"

tone_album tones 90 8 dear
nightbus render tones/songs/tones -o local.wav >/dev/null 2>&1
tone_album short 2 2
start_farm --renderers 2 --threads 1

step "how fast renderers are is known from an earlier song"
cd short
nightbus album create short-album >/dev/null
nightbus push -m "short" >/dev/null || fail "not pushed"

step "the renderer that has the task gets a twentieth of each second"
cd "$WORK/tones"
nightbus album create tones-album >/dev/null
nightbus push --no-wait -m "long" >/dev/null
job() { nightbus jobs --json | jq -r ".jobs[0].$1 // 0"; }
is_running() { [ "$(job state)" = running ]; }
wait_for 60 is_running
node=$(job node)
slow=$(farm_json "renderer_pids[$((${node##*-} - 1))]")
(
    trap 'kill -CONT "$slow"; exit 0' TERM
    while kill -STOP "$slow" 2>/dev/null; do
        sleep 0.95
        kill -CONT "$slow"
        sleep 0.05
    done
) &
slower=$!
has_company() { [ "$(job attempts)" -ge 2 ]; }
wait_for 90 has_company
is_done() { [ "$(job state)" = "done" ]; }
wait_for 120 is_done
kill -TERM $slower
wait $slower || true
[ "$(job node)" != "$node" ] || fail "$node was first after all"
nightbus metrics >"$WORK/metrics"
grep -qx 'nightbus_second_attempts_total 1' "$WORK/metrics" || fail "not one second attempt: $(grep attempts "$WORK/metrics")"
ok "the other one was asked, and first"

step "the slow one drops its work, and no harm is done"
wait_for 60 grep -qF "so the work is dropped" "$WORK/farm/log/$node.log"
is_back() { [ "$(nightbus nodes --json | jq -r ".nodes[] | select(.name == \"$node\").state")" = idle ]; }
wait_for 60 is_back
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/tones-v1.wav" || fail "the file differs"
[ "$(nightbus incidents --json | jq '.incidents | length')" -eq 0 ] || fail "an incident"
ok "same file"
