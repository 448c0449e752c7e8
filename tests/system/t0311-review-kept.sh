#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The review loses nothing: forty people writing at once, another hand in the repository, a bad disk, too much of everything.
. "$(dirname "$0")/lib.sh"

step "forty write at once, and nothing is lost"
start_farm --renderers 1
tone_album tones 4 1
cd tones
nightbus album create tones-album
nightbus push -m "first mix" >/dev/null
album="$WORK/farm/albums/tones-album.git"
writers=()
for i in $(seq 1 40); do
    nightbus note add tones@v1 "0:0$((i % 4)).$i" "from writer $i" >"$WORK/writer.$i" 2>&1 &
    writers+=($!)
done
for i in $(seq 1 40); do
    wait "${writers[$((i - 1))]}" || { cat "$WORK/writer.$i"; fail "writer $i was not heard"; }
done
nightbus note list tones@v1 --json >"$WORK/json"
jq -e '([.notes[].number] | sort) == [range(1; 41)] and ([.notes[].text] | unique | length) == 40' \
    "$WORK/json" >/dev/null || fail "not forty notes with forty numbers"
git -C "$album" notes --ref review show "$(git -C "$album" rev-parse main)" | grep '"note"' >"$WORK/lines"
[ "$(wc -l <"$WORK/lines")" = 40 ] || fail "not forty lines in the repository"
jq -es '([.[].time_ms] | unique | length) == 40' "$WORK/lines" >/dev/null || fail "two notes at one time"
ok "forty of forty"

step "what another hand writes is set aside, and work goes on"
git -C "$album" notes --ref review append -m '{"kind":"note"}' main
git -C "$album" notes --ref review append -m 'and more' main
theirs=$(git -C "$album" rev-parse refs/notes/review)
nightbus note add tones@v1 0:01 "after the other hand" >"$WORK/said"
expect_words "$WORK/said" "tones#41"
kept=$(git -C "$album" for-each-ref --format='%(refname) %(objectname)' refs/nightbus/set-aside)
case $kept in
*"$theirs") ;;
*) fail "their review is not kept: $kept" ;;
esac
nightbus note log tones >"$WORK/said"
expect_words "$WORK/said" "set aside" "refs/nightbus/set-aside/"
expect_words "$WORK/farm/log/coordinator.log" "changed by another hand"
git -C "$album" notes --ref review show main | grep -c "and more" >/dev/null && fail "their line is in ours"
[ "$(nightbus note list tones@v1 --json | jq '.notes | length')" = 41 ] || fail "not 41 notes"
git -C "$album" update-ref -d refs/notes/review
[ "$(nightbus note list tones@v1 --json | jq '.notes | length')" = 41 ] || fail "not 41 notes"
git -C "$album" update-ref refs/notes/review main
nightbus note add tones@v1 0:01 "after one more" >"$WORK/said"
expect_words "$WORK/said" "tones#42"
ok "$kept"

step "events that can't be read are set aside, those before them go on"
path=$(git -C "$album" ls-tree -r refs/notes/review --name-only | head -1)
blob=$(git -C "$album" rev-parse "refs/notes/review:$path")
chmod u+w "$album/objects/${blob:0:2}/${blob:2}"
head -c 100 /dev/zero >"$album/objects/${blob:0:2}/${blob:2}"
stop_farm
start_farm --renderers 1
nightbus note list tones@v1 --json >"$WORK/json"
[ "$(jq '.notes | length' "$WORK/json")" = 41 ] || fail "not those before the damage"
nightbus note add tones@v1 0:02 "after the damage" >/dev/null
nightbus note log tones --json >"$WORK/json"
jq -e '.set_aside | length == 4 and any(startswith("damaged/"))' "$WORK/json" >/dev/null ||
    { cat "$WORK/json"; fail "the damage is not told"; }
[ -n "$(find "$album/damaged" -name "*$blob")" ] || fail "the damaged file is not kept"
printf 'garbage' >"$album/refs/notes/review"
[ "$(nightbus note list tones@v1 --json | jq '.notes | length')" = 42 ] || fail "not 42 notes"
git clone -q "$album" "$WORK/clone" || fail "it can't be cloned"
git -C "$WORK/clone" rev-parse -q --verify origin/review >/dev/null || fail "no review in the clone"
ok "42 notes, and a clone"

step "a coordinator that starts again knows it all"
stop_farm
start_farm --renderers 1
[ "$(nightbus note list tones@v1 --json | jq '.notes | length')" = 42 ] || fail "not 42 notes"
number=$(nightbus note list tones@v1 --json | jq '.notes[] | select(.text == "from writer 1") | .number')
nightbus note erase "tones#$number" >/dev/null
git -C "$album" cat-file --batch-all-objects --batch >"$WORK/objects"
grep -q 'from writer 1"' "$WORK/objects" && fail "erased words are in what was set aside"
[ "$(nightbus note log tones --json | jq '.set_aside | length')" -ge 3 ] || fail "nothing is set aside any more"
ok "and can erase"

step "too much of everything has its limit"
seq 1 100001 | awk '{printf "%f\t%f\tmark %d\n", $1 / 1000, $1 / 1000, $1}' >"$WORK/labels.txt"
expect_exit 1 nightbus note import tones@v1 "$WORK/labels.txt"
expect_words "$WORK/err" "100000"
head -2001 "$WORK/labels.txt" >"$WORK/fewer.txt"
expect_exit 1 nightbus note import tones@v1 "$WORK/fewer.txt"
expect_words "$WORK/err" "at most 2000"
head -1500 "$WORK/labels.txt" >"$WORK/some.txt"
nightbus note import tones@v1 "$WORK/some.txt" >"$WORK/said"
expect_words "$WORK/said" "added 1500 notes"
nightbus note import tones@v1 "$WORK/some.txt" >"$WORK/said"
expect_words "$WORK/said" "added 0 notes" "1500 there already"
ok "$(du -sh "$album" | cut -f1) for $(nightbus note list tones@v1 --json | jq '.notes | length') notes"
