#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An older backup is put back while renderers work for what came after it. Numbers of tasks are used
# again then: what the renderers say of the old ones is not taken for the new.
. "$(dirname "$0")/lib.sh"

tone_album tones 80 8 dear
cd tones
start_farm --renderers 2 --threads 1
nightbus album create tones-album
nightbus push -m "before the backup" >/dev/null
nightbus note add tones@v1 0:01 "kept" >/dev/null

step "a backup, and then another version that is being rendered"
nightbus-coordinator --data "$WORK/farm" --backup "$WORK/backup" >/dev/null 2>&1 || fail "no backup"
sed -i 's/threshold_db: -24/threshold_db: -26/' songs/tones/mix.yaml
nightbus push --no-wait -m "after the backup" >/dev/null
job() { nightbus jobs --json | jq -r ".jobs[0].$1 // 0"; }
is_running() { [ "$(job state)" = running ]; }
wait_for 60 is_running
gone=$(job job)
ok "task of job $gone runs on $(job node)"

step "the backup is put back under running renderers"
kill -STOP "$farm_pid" # or it would start the coordinator in between
coordinator=$(farm_json coordinator_pid)
kill -KILL "$coordinator"
is_dead() { case $(ps -o state= -p "$coordinator") in Z* | "") ;; *) return 1 ;; esac; }
wait_for 30 is_dead
for name in albums store ledger.sqlite; do
    mv "$WORK/farm/$name" "$WORK/gone-$name" # renderers may still write into it
    cp -aT "$WORK/backup/$name" "$WORK/farm/$name"
done
rm -f "$WORK"/farm/ledger.sqlite-*
kill -CONT "$farm_pid"
is_up() { nightbus log >/dev/null 2>&1; }
wait_for 30 is_up
[ "$(nightbus log --json | jq '.revisions | length')" -eq 1 ] || fail "this is not the backup"
nightbus note list tones@v1 >"$WORK/notes"
expect_words "$WORK/notes" kept
ok "as it was then"

step "another version takes the numbers of the one that is gone"
rm -rf "$WORK/again"
nightbus album clone tones-album "$WORK/again" >/dev/null
cd "$WORK/again"
sed -i 's/threshold_db: -24/threshold_db: -28/' songs/tones/mix.yaml
nightbus push --no-wait -m "another" >/dev/null
[ "$(job job)" -eq "$gone" ] || fail "job $(job job) has not the number of job $gone that is gone"
nightbus render songs/tones -o "$WORK/local.wav" >/dev/null
nightbus fetch tones@v2 -o "$WORK/out" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/tones-v2.wav" || fail "v2 is not what was pushed"
[ "$(nightbus incidents --json | jq '.incidents | length')" -eq 0 ] || fail "an incident"
ok "v2 is its own render"
