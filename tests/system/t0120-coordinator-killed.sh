#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 of the coordinator in mid-push and mid-render: the push resumes, the render finishes,
# git fsck is clean, and nothing that was there is sent again.
. "$(dirname "$0")/lib.sh"

tone_album tones 120 10 dear
nightbus render tones/songs/tones -o local.wav >/dev/null
start_farm --renderers 2 --threads 1 --transfer
cd tones
nightbus album create tones-album

step "in mid-push"
total=$(du -cb audio/*.wav | tail -1 | cut -f1)
nightbus push --no-wait -m "cut" >"$WORK/push" 2>"$WORK/push.err" &
push=$!
stored() { (du -sb "$WORK/farm/store" 2>/dev/null || true) | cut -f1; } # files are renamed meanwhile
half_there() { [ "$(stored)" -gt $((total / 4)) ]; }
while ! half_there && kill -0 "$push" 2>/dev/null; do # at once: a push takes a second
    sleep 0.01
done
kill_process "$(farm_json coordinator_pid)"
there=$(stored)
ok "killed with $((there / 1000000)) of $((total / 1000000)) MB there"
wait "$push" || {
    cat "$WORK/push" "$WORK/push.err"
    ok "the push gave up; a second one goes on"
    nightbus push --no-wait -m "cut" >"$WORK/push"
}
expect_words "$WORK/push" tones@v1
ok "pushed"

step "in mid-render"
is_running() { [ "$(nightbus jobs --json | jq -r '.jobs[0].state')" = running ]; }
wait_for 60 is_running
kill_process "$(farm_json coordinator_pid)"
wait_for 60 nightbus log
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/tones-v1.wav" || fail "the file differs"
ok "rendered all the same"

step "what is on disk is whole"
check_repository "$WORK/farm/albums/tones-album.git"
blobs=0
while read -r blob; do
    [ "$(sha256sum "$blob" | cut -d' ' -f1)" = "$(basename "$blob")" ] || fail "$blob is not what its name says"
    blobs=$((blobs + 1))
done < <(find "$WORK/farm/store/objects" -type f)
[ $blobs -gt 10 ] || fail "only $blobs blobs for 10 stems and their mix"
[ "$(nightbus log --json | jq '.revisions | length')" = 1 ] || fail "the push was taken twice"
python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' \
    "$WORK/farm/ledger.sqlite" >"$WORK/said"
[ "$(cat "$WORK/said")" = ok ] || fail "the ledger is damaged: $(cat "$WORK/said")"
ok "repository, store, ledger"
