#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The main job: push a revision, the farm renders it, fetch it with its report, leave a note.
. "$(dirname "$0")/lib.sh"

step "a farm, an album, a push"
start_farm --renderers 2
[ "$(stat -c %a farm/keys/owner.key)" = 600 ] || fail "the owner's key can be read by others"
[ "$(stat -c %a farm/keys/coordinator.key)" = 600 ] || fail "the coordinator's key can be read by others"
tone_album tones
cd tones
nightbus album create tones-album
nightbus status >"$WORK/status"
nightbus push -m "first mix" >"$WORK/push"
expect_words "$WORK/push" tones@v1
expect_exit 3 nightbus album create tones-album
ok "pushed"

step "the farm's file is the local render's, bit for bit"
nightbus fetch tones@v1 -o "$WORK/out"
nightbus render songs/tones -o "$WORK/local.wav" >/dev/null
cmp "$WORK/out/tones-v1.wav" "$WORK/local.wav" || fail "farm and local render differ"
for threads in 1 2 4; do
    OMP_NUM_THREADS=$threads nightbus render songs/tones -o "$WORK/local-$threads.wav" >/dev/null
    cmp "$WORK/local.wav" "$WORK/local-$threads.wav" || fail "$threads threads give other bits"
done
ok "same bits"

step "the report"
nightbus report tones@v1 --json >"$WORK/report.json"
for key in integrated_lufs loudness_range_lu short_term_max_lufs momentary_max_lufs true_peak_dbtp \
    sample_peak_dbfs plr_lu duration_s sample_rate_hz channels; do
    jq -e "has(\"$key\")" "$WORK/report.json" >/dev/null || fail "no $key in the report"
done
nightbus report "$WORK/out/tones-v1.wav" --json >"$WORK/report2.json"
[ "$(jq .integrated_lufs "$WORK/report.json")" = "$(jq .integrated_lufs "$WORK/report2.json")" ] ||
    fail "the farm's report and the file's differ"
ok "$(jq -c '[.integrated_lufs, .true_peak_dbtp]' "$WORK/report.json")"

step "notes"
nightbus note add tones@v1 0:01.5 "vocal up a touch"
nightbus note add tones@v1 0:02-0:03.250 "this bar — übergroß?"
nightbus note list tones@v1 >"$WORK/notes"
expect_words "$WORK/notes" "0:01.500" "vocal up a touch" "übergroß"
[ "$(nightbus note list tones@v1 --json | jq '.notes | length')" = 2 ] || fail "not two notes"
expect_exit 1 nightbus note add tones@v9 0:01 "no such version"
expect_exit 2 nightbus note add tones@v1 1:75 "no such time"
ok "listed"

step "what a version does not have is not rendered for it"
jobs=$(nightbus jobs --json | jq '.jobs | length')
expect_exit 1 nightbus fetch tones@v1 --alternates -o "$WORK/none"
expect_words "$WORK/err" "tones@v1 has no alternates"
[ "$(nightbus jobs --json | jq '.jobs | length')" = "$jobs" ] || fail "it was rendered again"

step "versions"
nightbus push -m "nothing new" >"$WORK/push"
expect_words "$WORK/push" "nothing to push"
nightbus push --json >"$WORK/push"
[ "$(jq -c '[.pushed, .versions, .fixed, .open]' "$WORK/push")" = '[false,[],[],[]]' ] ||
    fail "a push of nothing lacks keys: $(cat "$WORK/push")"
[ "$(nightbus log --json | jq '.revisions | length')" = 1 ] || fail "an empty push made a revision"
sed -i 's/^title: Tones/# a comment\ntitle: Tones/' songs/tones/mix.yaml
nightbus push -m "a comment" >"$WORK/push"
if grep -q 'tones@v2' "$WORK/push"; then fail "a comment made a version"; fi
sed -i 's/fader_db: -1$/fader_db: -4/' songs/tones/mix.yaml
nightbus push -m "down 3 dB" >"$WORK/push"
expect_words "$WORK/push" tones@v2
nightbus fetch tones@v2 -o "$WORK/out"
if cmp -s "$WORK/out/tones-v1.wav" "$WORK/out/tones-v2.wav"; then fail "v2 is v1"; fi
sed -i 's/fader_db: -4$/fader_db: -1/' songs/tones/mix.yaml
nightbus push -m "back up" >"$WORK/push"
expect_words "$WORK/push" tones@v3
nightbus fetch tones@v3 -o "$WORK/out"
cmp "$WORK/out/tones-v1.wav" "$WORK/out/tones-v3.wav" || fail "v3 is not v1 again"
[ "$(nightbus jobs --json | jq '[.jobs[] | select(.version == "v3")][0].cached')" = true ] ||
    fail "v3 was rendered although its key was known"
nightbus log tones >"$WORK/log"
expect_words "$WORK/log" v1 v2 v3 "down 3 dB"
nightbus show tones@v2 >"$WORK/show"
expect_words "$WORK/show" "down 3 dB" "Ada Desk"
nightbus nodes >"$WORK/nodes"
expect_words "$WORK/nodes" renderer-1 renderer-2
nightbus jobs >/dev/null
nightbus job 1 --follow >/dev/null
ok "v1 v2 v3"

step "two people"
cd "$WORK"
nightbus album clone tones-album other
cmp tones/audio/t1.wav other/audio/t1.wav || fail "the clone's audio differs"
(cd other && sed -i 's/fader_db: -2$/fader_db: -5/' songs/tones/mix.yaml && nightbus push -m "from the other room")
cd tones
sed -i 's/fader_db: -3$/fader_db: -6/' songs/tones/mix.yaml
expect_exit 3 nightbus push -m "too late"
expect_words "$WORK/err" "from the other room" "nightbus pull"
expect_exit 3 nightbus pull
expect_words songs/tones/mix.yaml "fader_db: -6"
expect_words songs/tones/mix.yaml.theirs "fader_db: -5"
expect_exit 3 nightbus push -m "not merged yet"
sed -i 's/fader_db: -2$/fader_db: -5/' songs/tones/mix.yaml
rm songs/tones/mix.yaml.theirs
nightbus push -m "both" >"$WORK/push"
expect_words "$WORK/push" tones@v5
(cd "$WORK/other" && nightbus pull >/dev/null)
cmp songs/tones/mix.yaml "$WORK/other/songs/tones/mix.yaml" || fail "the other room did not get it"
ok "refused with who and what"

step "a new stem is a version, too"
sox -R -n -b 24 -r 48000 -c 2 audio/t3.wav synth 4 pluck 200 gain -12 2>/dev/null
nightbus push -m "another take" >"$WORK/push"
expect_words "$WORK/push" tones@v6
nightbus log tones >"$WORK/log"
expect_words "$WORK/log" "another take"
ok "tones@v6"

step "an ordinary git client"
cd "$WORK"
git lfs install --skip-repo >/dev/null
git clone -q "farm/albums/tones-album.git" plain
cd plain
check_repository .
[ "$(git tag | grep -c '^tones/v[1-6]$')" = 6 ] || fail "the tags are not there: $(git tag)"
[ "$(git cat-file -t tones/v1)" = tag ] || fail "tones/v1 is not annotated"
git log --oneline >"$WORK/log" # not into grep -q, which ends at the first match and git with it
expect_words "$WORK/log" "down 3 dB"
[ "$(git log -1 --format=%an)" = "Ada Desk" ] || fail "not the author"
git fetch -q origin 'refs/notes/*:refs/notes/*'
git log --notes=review tones/v1 -1 >"$WORK/log"
expect_words "$WORK/log" "vocal up a touch"
git show origin/review --stat >/dev/null || fail "a plain clone did not bring the review"
cmp audio/t1.wav "$WORK/tones/audio/t1.wav" || fail "git lfs did not bring the audio"
check_repository "$WORK/farm/albums/tones-album.git"
ok "history, tags, notes, audio"

step "stopping"
stop_farm
sleep 0.2
if pgrep -f "$WORK/farm" >/dev/null; then fail "something is still running"; fi
expect_exit 4 nightbus jobs
ok "nothing left"
