#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A renderer whose disk has room for what was asked for, and not for the edges that are to be kept:
# they are left out, its log says so, and the render goes on.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "needs root to mount a small tmpfs"

tone_album tones 4 3 dear
nightbus render tones/songs/tones -o local.wav >/dev/null 2>&1
start_farm --renderers 0
nightbus join "$(nightbus invite --role renderer --name small --json | jq -r .link)" --key small.key >/dev/null
# Room for the mix, for a stem that is converted and for one of the three edges.
mkdir "$WORK/tiny"
mount -t tmpfs -o size=6000k tmpfs "$WORK/tiny" 2>/dev/null || skip "cannot mount a tmpfs here"
mounted="$WORK/tiny"
nightbus-renderer --farm "$NIGHTBUS_FARM" --key small.key --name small --cache "$WORK/tiny" >small.log 2>&1 &
small=$!
trap 'kill -KILL "$small" 2>/dev/null || true; clean_up' EXIT

step "the song is rendered, the edges are left out"
cd tones
nightbus album create tones-album >/dev/null
nightbus push -m "first" >/dev/null 2>&1 || fail "not rendered: $(cat "$WORK/small.log")"
nightbus job 1 >"$WORK/job"
expect_words "$WORK/job" "this edge is not kept: no room for it on this renderer's disk"
[ "$(nightbus jobs --json | jq '.jobs[0].attempts')" -eq 1 ] || fail "not at the first try"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null 2>&1
cmp "$WORK/local.wav" "$WORK/out/tones-v1.wav" || fail "the file differs"
[ -z "$(find "$WORK/tiny/work" -type f)" ] || fail "left: $(find "$WORK/tiny/work" -type f)"
ok "$(grep -c "not kept" "$WORK/job") of 3"

step "one that waits for room ends when it is asked to"
head -c 10M /dev/zero >"$WORK/tiny/other" 2>/dev/null || true
sed -i 's/threshold_db: -24/threshold_db: -26/' songs/tones/mix.yaml
nightbus push --no-wait -m "second" >/dev/null 2>&1
wait_for 60 grep -q "no work is asked for until there is room" "$WORK/small.log"
kill -TERM "$small"
gone() { ! kill -0 "$small"; }
wait_for 40 gone # it would wait for a minute
ok "it does"
