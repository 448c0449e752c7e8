#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Jobs are paused, put first, cancelled and tried again; renderers are drained, labelled and set
# aside; and each choice can be asked about.
. "$(dirname "$0")/lib.sh"

state_of() { nightbus job "$1" --json | jq -r .state; }
is_in() { [ "$(state_of "$1")" = "$2" ]; }
reasons() { nightbus why "$1" --json | jq -r '.reasons[]'; }
expect_reason() {
    reasons "$1" >"$WORK/reasons"
    expect_words "$WORK/reasons" "$2"
}
# push_edit DB: another version; prints its job.
push_edit() {
    sed -i "s/fader_db: -1.*/fader_db: -1.$1/" songs/tones/mix.yaml
    nightbus push --no-wait -m "take $1" >/dev/null
    nightbus jobs -n 1 --json | jq '.jobs[0].job'
}

tone_album tones 2 1
start_farm --renderers 1 --threads 1
cd tones
nightbus album create tones-album

step "a drained renderer begins nothing, and says who drained it"
expect_exit 0 nightbus node drain renderer-1
first=$(push_edit 1)
expect_reason "$first" "renderer-1: drained by Ada Desk"
is_in "$first" queued || fail "job $first began on a drained renderer"
nightbus nodes >"$WORK/said"
expect_words "$WORK/said" "drained by Ada Desk"
ok "it waits, and why is known"

step "a paused job waits while another one passes it"
expect_exit 0 nightbus pause "$first"
second=$(push_edit 2)
third=$(push_edit 3)
expect_exit 0 nightbus priority "$third" 90
expect_reason "$second" "of higher priority goes first"
expect_exit 0 nightbus cancel "$second"
expect_words "$WORK/said" cancelled
is_in "$second" cancelled || fail "job $second is not cancelled"
expect_exit 0 nightbus node resume renderer-1
wait_for 60 is_in "$third" "done"
is_in "$first" queued || fail "the paused job went on"
expect_reason "$first" "paused by Ada Desk"
expect_exit 0 nightbus resume "$first"
wait_for 60 is_in "$first" "done"
is_in "$second" cancelled || fail "the cancelled job was rendered"
ok "paused, put first, cancelled, resumed"

step "what is over can't be changed; what was cancelled can be tried again"
expect_exit 3 nightbus pause "$first"
expect_words "$WORK/err" "is over: done"
expect_exit 3 nightbus retry "$first"
expect_exit 0 nightbus retry "$second"
expect_exit 0 nightbus job "$second" --follow
wait_for 60 is_in "$second" "done"
nightbus job "$second" >"$WORK/said"
expect_words "$WORK/said" "rendered"
ok "retried, and its log was kept"

step "labels and hours"
expect_exit 0 nightbus node drain renderer-1
fourth=$(push_edit 4)
expect_exit 0 nightbus limit "$fourth" --label gpu
expect_exit 0 nightbus node resume renderer-1
expect_reason "$fourth" 'renderer-1 lacks "gpu"'
is_in "$fourth" queued || fail "it went to a renderer without the label"
hour=$(date -u +%H)
closed="$(printf '%02d:00-%02d:30' $(((10#$hour + 12) % 24)) $(((10#$hour + 12) % 24)))"
expect_exit 0 nightbus limit "$fourth" --window "$closed" --zone UTC
long=gpu=$(printf 'x%.0s' {1..252}) # 256 bytes; one more is refused, not cut
for words in "limit $fourth --label ${long}x" "node label renderer-1 ${long}x"; do
    # shellcheck disable=SC2086 # words
    expect_exit 1 nightbus $words
    expect_words "$WORK/err" "labels of 257 bytes; at most 256"
done
expect_exit 0 nightbus node label renderer-1 "$long"
expect_exit 0 nightbus node label renderer-1 gpu=a100,room
expect_reason "$fourth" "its window opens at ${closed%%-*} (UTC)"
is_in "$fourth" queued || fail "it began outside its hours"
expect_exit 2 nightbus limit "$fourth" --window 25:00-26:00
expect_exit 2 nightbus limit "$fourth" --window 22:00-06:00 --zone Mars/Base
expect_words "$WORK/err" "Mars/Base"
ok "it waits for its hours"

step "wishes outlive the coordinator"
kill -KILL "$(farm_json coordinator_pid)"
wait_for 60 nightbus nodes
wait_for 60 is_in "$fourth" queued
expect_reason "$fourth" "its window opens at"
wait_for 60 sh -c "nightbus nodes --json | jq -e '.nodes[0].labels == \"gpu=a100,room\"'"
expect_exit 0 nightbus limit "$fourth" --window none
wait_for 60 is_in "$fourth" "done"
ok "they do"

step "set aside and taken back; a name that is none"
expect_exit 0 nightbus node set-aside renderer-1
nightbus nodes --json | jq -e '.nodes[0].held == "set aside by Ada Desk"' >/dev/null || fail "not set aside"
expect_exit 0 nightbus node resume renderer-1
nightbus nodes --json | jq -e '.nodes[0].held == null' >/dev/null || fail "not taken back"
expect_exit 1 nightbus node drain nobody
expect_words "$WORK/err" "no renderer 'nobody'"

step "cancelling stops what runs"
dear=$(
    cd "$WORK"
    tone_album long 240 8 dear # seconds: heartbeats come every two
    cd long
    nightbus album create long-album >/dev/null
    nightbus push --no-wait -m "long" >/dev/null
    nightbus jobs -n 1 --json | jq '.jobs[0].job'
)
wait_for 60 is_in "$dear" running
expect_reason "$dear" "renderer-1 renders it"
expect_exit 0 nightbus cancel "$dear"
is_idle() { nightbus nodes --json | jq -e '.nodes[0].state == "idle"' >/dev/null; }
wait_for 60 is_idle
has_stopped() { grep -q "dropped" "$WORK"/farm/log/renderer-1.log; }
wait_for 60 has_stopped
ok "the renderer dropped it"

step "metrics and what albums take"
nightbus metrics >"$WORK/said"
expect_words "$WORK/said" "# TYPE nightbus_tasks gauge" 'nightbus_nodes{state="idle"} 1'
nightbus album usage --json | jq -e '.albums | length == 2 and all(.bytes > 0)' >/dev/null ||
    fail "album usage"
nightbus album usage >"$WORK/said"
expect_words "$WORK/said" tones-album
ok "counted"

step "a renderer that is asked to stop finishes first; asked twice, it stops"
job=$(push_edit 5)
cd "$WORK/long"
nightbus retry "$dear" >/dev/null
cd "$WORK/tones"
wait_for 60 is_in "$dear" running
pid=$(farm_json 'renderer_pids[0]')
kill -TERM "$pid"
is_stopping() { nightbus nodes --json | jq -e '.nodes[0].held == "about to stop"' >/dev/null; }
wait_for 60 is_stopping
kill -0 "$pid" || fail "it did not finish what it rendered"
is_in "$dear" running || fail "it gave the task back"
kill -TERM "$pid"
is_gone() { ! kill -0 "$pid" 2>/dev/null; }
wait_for 60 is_gone
# `up` starts it again, and the farm goes on.
wait_for 60 is_in "$job" "done"
nightbus cancel "$dear" >/dev/null
wait_for 60 is_idle # or what it still renders would be new in a second backup
ok "drained, then stopped"

step "a backup made while the farm works is a farm"
nightbus-coordinator --data "$WORK/farm" --backup "$WORK/backup" >"$WORK/said"
expect_words "$WORK/said" "2 album(s)"
nightbus-coordinator --data "$WORK/farm" --backup "$WORK/backup" >"$WORK/said"
expect_words "$WORK/said" "of which 0 new"
expect_exit 1 nightbus-coordinator --data "$WORK/nothing" --backup "$WORK/other"
[ -f "$WORK/backup/backup.json" ] || fail "it does not say that it is whole"
nightbus fetch tones@v1 -o "$WORK/before" >/dev/null
nightbus log --json >"$WORK/log"
cd "$WORK"
stop_farm
mv farm farm.lost
mv backup farm
start_farm --renderers 1 --threads 1
cd tones
nightbus fetch tones@v1 -o "$WORK/after" >/dev/null
cmp "$WORK/before/tones-v1.wav" "$WORK/after/tones-v1.wav" || fail "the restored farm has another file"
nightbus log --json | cmp - "$WORK/log" || fail "the restored farm has another log"
[ "$(jq '.revisions | length' "$WORK/log")" -ge 5 ] || fail "the log lacks revisions"
ok "restored"

step "logs as JSON"
NIGHTBUS_LOG=debug nightbus-coordinator --data "$WORK/third" --log-format json \
    --metrics-file "$WORK/nightbus.prom" 2>"$WORK/json.log" &
coordinator=$!
wait_for 60 test -s "$WORK/nightbus.prom"
end_process "$coordinator"
jq -e 'select(.program == "coordinator") | .time and .level and .text' "$WORK/json.log" >/dev/null ||
    fail "not one JSON object a line"
expect_words "$WORK/nightbus.prom" "nightbus_start_time_seconds"
ok "they are, and the metrics are in their file"
