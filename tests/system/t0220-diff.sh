#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What changed: between two songs here without a farm, a version and the working folder, and two
# versions with what was measured.
. "$(dirname "$0")/lib.sh"

tone_album album 3 3
cd album
mix=songs/tones/mix.yaml

step "two songs here, no farm"
cp -r songs/tones songs/louder
sed -i -e 's/fader_db: -1/fader_db: -0.5/' -e '0,/ratio: 3/s//ratio: 4/' songs/louder/mix.yaml
expect_exit 0 nightbus diff songs/tones songs/louder
expect_words "$WORK/said" "songs/tones → songs/louder" "t1" "fader -1.0 → -0.5 dB" \
    "comp1 (compressor): ratio 3 → 4"
expect_exit 0 nightbus diff songs/tones songs/louder/mix.yaml --stat
expect_words "$WORK/said" "t1  1 setting, 1 insert"
[ "$(wc -l <"$WORK/said")" -eq 2 ] || fail "--stat says more than one strip"
expect_exit 0 nightbus diff songs/tones songs/tones
expect_words "$WORK/said" "The mixes are the same."
ok "$(nightbus diff songs/tones songs/louder --stat | tail -1)"

step "a file renamed and a take replaced are told apart by their bytes"
cp audio/t2.wav audio/t2-moved.wav
sed -e 's|audio/t2.wav|audio/t2-moved.wav|' -e 's|audio/t1.wav|audio/t3.wav|' "$mix" \
    >songs/louder/mix.yaml
expect_exit 0 nightbus diff songs/tones songs/louder
expect_words "$WORK/said" "take replaced (t1.wav → t3.wav)" \
    "file renamed, same audio (t2.wav → t2-moved.wav)"
rm -r songs/louder audio/t2-moved.wav

step "words that make no sense"
expect_exit 2 nightbus diff songs/tones
expect_exit 2 nightbus diff
expect_exit 1 nightbus diff songs/tones songs/none
expect_words "$WORK/err" "songs/none" "no such file"
printf 'format: nightbus-mix/1\ntitle: T\ntracks: [{id: a, fadr_db: 1}]\n' >"$WORK/broken.yaml"
expect_exit 1 nightbus diff songs/tones "$WORK/broken.yaml"
expect_words "$WORK/err" "broken.yaml:3:" "did you mean 'fader_db'?"

step "a version and the working folder"
start_farm --renderers 1
nightbus album create tones >"$WORK/said"
nightbus push -m "First" >"$WORK/said"
expect_exit 0 nightbus diff tones@v1
expect_words "$WORK/said" "tones@v1 → songs/tones" "The mixes are the same."
sed -i -e 's/fader_db: -3/fader_db: 3/' -e 's/ceiling_dbtp: -1/ceiling_dbtp: -3/' \
    -e 's/id: c2, file: audio\/t2.wav, at: 0/id: c2, file: audio\/t2.wav, at: 0.02/' "$mix"
expect_exit 0 nightbus diff tones@v1
expect_words "$WORK/said" "clip c2 at 0:00: 20 ms later" "fader -3 → +3 dB" "Mix bus" \
    "limit (limiter): ceiling -1 → -3 dBTP"
! grep -q Measured "$WORK/said" || fail "the working folder was measured"
ok "$(sed -n 3p "$WORK/said")"

step "two versions, and what was measured"
nightbus push -m "Louder" >"$WORK/said"
expect_exit 0 nightbus diff tones@v1 tones
expect_words "$WORK/said" "tones@v1 → tones@v2" "clip c2 at 0:00: 20 ms later" "Measured" \
    "integrated" "LUFS ("
! grep -q "$(printf '\033')" "$WORK/said" || fail "colours without a terminal"
ok "$(grep integrated "$WORK/said")"
expect_exit 0 nightbus diff tones@v2 tones@v2
expect_words "$WORK/said" "The mixes are the same." "within 0.1"

step "as JSON"
expect_exit 0 nightbus diff tones@v1 tones@v2 --json
[ "$(jq -r '.format + " " + .before + " " + .after' "$WORK/said")" = "nightbus-diff/1 tones@v1 tones@v2" ] ||
    fail "the JSON names other versions"
[ "$(jq -c '.changes[] | select(.path == "t3/fader_db") | [.kind, .old, .new, .default, .unit, .sound]' \
    "$WORK/said")" = '["value",-3,3,0,"dB",true]' ] || fail "the fader is not in the JSON"
jq -e '.measured.integrated_lufs | .new > .old' "$WORK/said" >"$WORK/yes" || fail "not measured louder"
ok "$(jq -c '[.changes[].path]' "$WORK/said")"

step "versions that are not there"
expect_exit 1 nightbus diff tones@v1 tones@v9
expect_words "$WORK/err" "v9"
expect_exit 1 nightbus diff tones@x
stop_farm
expect_exit 4 nightbus diff tones@v1 tones@v2
