#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# compare and play: equal loudness as ffmpeg hears it, cues that libsndfile and ffmpeg read, the null
# test's figures, versions of a farm, a player that is there and one that is not.
. "$(dirname "$0")/lib.sh"
command -v ffmpeg >/dev/null || skip "ffmpeg is not installed"
command -v sox >/dev/null || skip "sox is not installed"

# near A B TOLERANCE WHAT
near() {
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(d <= t && d >= -t) }' ||
        fail "$4: $1 is not within $3 of $2"
}
said() { jq -r ".$1" "$WORK/said"; }

step "the same song at -6 dB, with another balance"
sox -R -n -b 24 -r 48000 -c 2 a.wav synth 40 pinknoise gain -14 tremolo 0.7 60 2>/dev/null
sox a.wav -b 24 b.wav bass +4 gain -6 2>/dev/null
expect_exit 0 nightbus compare a.wav b.wav -o ab.wav --seconds 10
expect_words said "A is lowered by" "offset     none" "switches every 10 s, 3 times"
expect_exit 0 nightbus compare a.wav b.wav -o ab.wav --seconds 10 --json
[ "$(said switches)" = 3 ] || fail "$(said switches) switches"
[ "$(said b_gain_db)" = 0 ] || [ "$(said b_gain_db)" = 0.0 ] || fail "the quieter one was changed"
near "$(said 'a_lufs + .a_gain_db')" "$(said b_lufs)" 0.1 "the loudness that is claimed"

# loudness START SECONDS: as ffmpeg measures that part.
loudness() {
    ffmpeg -nostdin -hide_banner -ss "$1" -t "$2" -i ab.wav -af ebur128=framelog=verbose -f null - 2>&1 |
        awk '/^ *I:/ { value = $2 } END { print value }'
}
# ffmpeg prints tenths, so each figure may be half of one off.
near "$(loudness 0 9.9)" "$(loudness 10.1 9.8)" 0.21 "A and B to ffmpeg"
near "$(loudness 20.1 9.8)" "$(loudness 30.1 9.8)" 0.21 "A and B to ffmpeg"
ok "A at $(loudness 0 9.9) LUFS, B at $(loudness 10.1 9.8) LUFS"
[ "$(ffprobe -v error -show_chapters -of json ab.wav | jq -c '[.chapters[].tags.title]')" = \
    '["A","B","A","B"]' ] || fail "ffmpeg does not read the cues"
[ "$(ffprobe -v error -show_chapters -of json ab.wav | jq -c '[.chapters[].start_time | tonumber]')" = \
    '[0,10,20,30]' ] || fail "ffmpeg reads the cues at other times"
ok "cues read by ffmpeg"

step "the null test"
expect_exit 0 nightbus compare a.wav a.wav -o null.wav --null
expect_words said "identical: every sample is the same"
cp a.wav copy.wav
expect_exit 0 nightbus compare a.wav copy.wav -o null.wav --null --json
[ "$(said identical) $(said peak_dbfs)" = "true null" ] || fail "a copy is not identical"
sox a.wav -b 24 late.wav vol -0.5 pad 4801s@0 2>/dev/null
expect_exit 0 nightbus compare a.wav late.wav -o null.wav --null --json
[ "$(said offset_frames)" = 4801 ] || fail "offset $(said offset_frames)"
[ "$(said inverted)" = true ] || fail "polarity"
near "$(said gain_db)" -6.0206 0.001 "gain"
awk -v x="$(said peak_dbfs)" 'BEGIN { exit !(x < -130) }' || fail "more is left than rounding to 24 bits"
expect_exit 0 nightbus compare a.wav late.wav -o null.wav --null
expect_words said "B is 4801 samples (100.021 ms) later" "polarity   inverted" "-6.02 dB"
sox -R -n -b 24 -r 48000 -c 2 click.wav synth 0.01 sine 1000 gain -40 pad 23 2>/dev/null
sox -m -v 1 a.wav -v 1 click.wav -b 24 clicked.wav 2>/dev/null
expect_exit 0 nightbus compare a.wav clicked.wav -o null.wav --null --json
near "$(said peak_at_s)" 23.005 0.006 "where it is largest"
near "$(said peak_dbfs)" -40 0.2 "how large"
near "$(sox null.wav -n stat 2>&1 | awk '/^Maximum amplitude/ { print $3 }')" 0.01 0.0003 "the file"
ok "offset, gain, polarity, click found"

step "what can't be compared"
sox -R -n -b 24 -r 48000 -c 2 silence.wav trim 0 10 2>/dev/null
sox -R -n -b 16 -r 44100 -c 1 other.wav synth 30 brownnoise 2>/dev/null
expect_exit 1 nightbus compare a.wav silence.wav -o none.wav --null
expect_words err "do not match"
[ ! -e none.wav ] || fail "a file without a null test"
expect_exit 0 nightbus compare a.wav other.wav -o ab.wav --seconds 5
expect_words said "converted from 44100 to 48000 Hz" "offset     not found"
expect_exit 1 nightbus compare a.wav b.wav -o ab.wav --seconds 60
expect_words err "too short for a switch every 60 s"
expect_exit 1 nightbus compare a.wav b.wav -o a.wav
expect_words err "is what is compared"
expect_exit 1 nightbus compare a.wav b.wav -o .
expect_exit 1 nightbus compare a.wav absent.wav -o ab.wav
expect_exit 2 nightbus compare a.wav b.wav
expect_exit 2 nightbus compare a.wav b.wav -o ab.wav --seconds 0
expect_exit 2 nightbus compare a.wav b.wav -o ab.wav --null --seconds 4
sox -R -n -r 48000 -c 3 three.wav synth 3 sine 300 2>/dev/null
expect_exit 1 nightbus compare a.wav three.wav -o ab.wav
expect_words err "3 channels"
head -c 100000 a.wav >cut.wav
expect_exit 1 nightbus compare a.wav cut.wav -o ab.wav
ls ./*.draft-* 2>/dev/null && fail "drafts are left"
ok "each is refused in words"

step "play: a player that writes down what it is asked"
mkdir player
cat >player/mpv <<'SH'
#!/bin/sh
printf '%s\n' "$@" >"$WORK/asked"
for last; do :; done
cp "$last" "$WORK/played.wav"
exit "${PLAYER_ENDS_WITH:-0}"
SH
chmod +x player/mpv
export WORK
mkdir temporary
export TMPDIR="$WORK/temporary"
expect_exit 0 env PATH="$WORK/player:$PATH" nightbus play a.wav --from 0:12.5
expect_words asked "--start=12.500000" "$WORK/a.wav"
expect_exit 0 env PATH="$WORK/player:$PATH" nightbus play a.wav --against b.wav --seconds 10 --from 15
expect_words asked "--start=15.000000" "$TMPDIR/nightbus-"
expect_words said "A is lowered by"
expect_exit 0 nightbus compare a.wav b.wav -o ab.wav --seconds 10
cmp -s played.wav ab.wav || fail "what is played is not what compare writes"
[ -z "$(ls "$TMPDIR")" ] || fail "the temporary file is left"
expect_exit 1 env PLAYER_ENDS_WITH=3 PATH="$WORK/player:$PATH" nightbus play a.wav
expect_words err "ended with 3"
expect_exit 2 env PATH="$WORK/player:$PATH" nightbus play a.wav --from 50
expect_words err "not before the end"
mv player/mpv player/ffplay
nightbus=$(command -v nightbus)
sed -i 's/^cp.*//; 1s/.*/#!\/bin\/sh/' player/ffplay
expect_exit 0 env PATH="$WORK/player" "$nightbus" play a.wav --from 2
expect_words asked "-autoexit" "2.000000"
expect_exit 1 env PATH="$WORK/temporary" "$nightbus" play a.wav
expect_words err "neither mpv nor ffplay is installed"
mv player/ffplay player/mpv
unset TMPDIR
ok "$(cat "$WORK/err")"

step "versions of a farm"
tone_album album 6
start_farm --renderers 1
(
    cd album
    nightbus album create tones
    nightbus push -m one
    sed -i 's/fader_db: -1$/fader_db: -4/' songs/tones/mix.yaml
    nightbus push -m two
) >"$WORK/pushed" 2>&1 || {
    cat "$WORK/pushed" >&2
    fail "push"
}
cd album
expect_exit 0 nightbus compare tones@v1 tones@v2 -o "$WORK/versions.wav" --seconds 2 --json
[ "$(said a) $(said b) $(said offset_frames)" = "tones@v1 tones@v2 0" ] ||
    fail "versions"
expect_exit 0 nightbus compare tones@v1 tones@v1 -o "$WORK/null.wav" --null
expect_words "$WORK/said" "identical"
nightbus fetch tones@v2 -o "$WORK" >/dev/null
expect_exit 0 nightbus compare tones@v2 "$WORK/tones-v2.wav" -o "$WORK/null.wav" --null
expect_words "$WORK/said" "identical"
[ "$(find "$HOME/.cache/nightbus/mixes" -name '*.wav' | wc -l)" = 2 ] || fail "two mixes are kept"
expect_exit 0 env PATH="$WORK/player:$PATH" nightbus play tones@v2 --against v1 --seconds 2
expect_words "$WORK/said" "A          tones@v2" "B          tones@v1"
expect_exit 1 nightbus compare tones@v1 tones@v9 -o "$WORK/none.wav"
ok "versions are fetched, kept and compared"
