#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Bad input ends in a clear error and the right exit code, and nothing is lost.
. "$(dirname "$0")/lib.sh"

start_farm --renderers 1
tone_album tones 2 3
cd tones
nightbus album create tones-album
nightbus push -m "good" >/dev/null
cp -r songs good-songs-copy && mv good-songs-copy "$WORK/good"
cp audio/t1.wav "$WORK/good.wav"

# refused WORDS...: push, render and report all refuse t1.wav with these words; the album stays whole.
refused() {
    local what=$1
    shift
    expect_exit 1 nightbus render songs/tones -o "$WORK/bad.wav"
    expect_words "$WORK/err" "$@"
    [ ! -e "$WORK/bad.wav" ] || fail "$what: left a file"
    expect_exit 1 nightbus report audio/t1.wav
    expect_words "$WORK/err" "$@"
    expect_exit 1 nightbus push -m "$what"
    expect_words "$WORK/err" "$@"
    [ "$(nightbus log --json | jq '.revisions | length')" = 1 ] || fail "$what: was taken"
    ok "$what: $(head -1 "$WORK/err")"
    cp "$WORK/good.wav" audio/t1.wav
}

step "audio"
: >audio/t1.wav
refused "an empty file" t1.wav
head -c 50000 "$WORK/good.wav" >audio/t1.wav
refused "a cut file" t1.wav cut
echo "this is no audio at all, but a sentence" >audio/t1.wav
refused "a text file" t1.wav
# A header of 0 Hz: bytes 24..27 of a plain WAV.
sox "$WORK/good.wav" -b 16 -e signed-integer "$WORK/plain.wav" 2>/dev/null
cp "$WORK/plain.wav" audio/t1.wav
printf '\0\0\0\0' | dd of=audio/t1.wav bs=1 seek=24 conv=notrunc status=none
refused "a 0 Hz header" t1.wav
# NaN in the middle of a float WAV: in the render and the report, with the time. push probes only headers.
sox "$WORK/good.wav" -b 32 -e floating-point audio/t1.wav 2>/dev/null
printf '\0\0\300\177' | dd of=audio/t1.wav bs=1 seek=$((58 + 4 * 48000)) conv=notrunc status=none
expect_exit 1 nightbus render songs/tones -o "$WORK/bad.wav"
expect_words "$WORK/err" t1.wav 0:0
ok "NaN: $(head -1 "$WORK/err")"
expect_exit 1 nightbus push -m "NaN"
expect_words "$WORK/err" t1.wav
ok "NaN on the farm: $(tail -1 "$WORK/err")"
cp "$WORK/good.wav" audio/t1.wav

step "a document with mistakes"
cat >songs/tones/mix.yaml <<'YAML'
format: nightbus-mix/1
titel: Tones
rate_hz: 12
tracks:
  - id: t1
    clips:
      - {id: c1, file: audio/t1.wav, at: 1:75}
      - {id: c1, file: ../../etc/passwd, at: 0}
      - {id: c3, file: audio/missing.wav, at: 0}
    inserts:
      - id: eq
        processor: equalizer
      - id: comp
        processor: compressor
        threshold: -12
        ratio: 0.5
        attack_ms: fast
        knee_db: 1e999
    fader_db: 90
    pan_percent: nan
    sends:
      - {to: nowhere, level_db: -3}
      - {to: a, level_db: -3, tap: middle}
    output: mixx
  - id: t1
    mute: maybe
buses:
  - {id: a, output: b}
  - {id: b, output: a}
  - {id: "Not An Id"}
automation:
  t1/comp/threshold_bd: |
    0 -12
  t1/fader_db: |
    2 -3
    1 -6
YAML
expect_exit 1 nightbus render songs/tones -o "$WORK/bad.wav"
count=$(grep -cE 'mix\.yaml:[0-9]+:[0-9]+: ' "$WORK/err")
[ "$count" -ge 18 ] || { cat "$WORK/err"; fail "only $count of the mistakes were told"; }
expect_words "$WORK/err" equaliser threshold_db title
ok "$count mistakes told at once"
expect_exit 1 nightbus push -m "mistakes"
cp "$WORK/good/tones/mix.yaml" songs/tones/mix.yaml

step "where a render is written"
mkfifo "$WORK/pipe"
expect_exit 1 nightbus render songs/tones -o "$WORK/pipe"
expect_words "$WORK/err" pipe "no file"
[ -p "$WORK/pipe" ] || fail "the pipe was replaced"
cp audio/t1.wav "$WORK/stem"
expect_exit 1 nightbus render songs/tones -o audio/t1.wav
expect_words "$WORK/err" t1.wav "another file"
cmp audio/t1.wav "$WORK/stem" || fail "a stem was overwritten"
expect_exit 1 nightbus render songs/tones -o songs/tones/mix.yaml
expect_exit 2 nightbus render songs/tones -o ""
expect_exit 1 nightbus render audio/t1.wav
expect_words "$WORK/err" "nightbus report"
ok "nothing was overwritten"

mkdir "$WORK/nowhere" && cp songs/tones/mix.yaml "$WORK/nowhere"
expect_exit 1 nightbus render "$WORK/nowhere" -o "$WORK/bad.wav"
expect_words "$WORK/err" "album.yaml beside songs/"
mkdir "$WORK/bare" && cp -r songs audio "$WORK/bare"
nightbus render "$WORK/bare/songs/tones" -o "$WORK/bare.wav" >/dev/null
ok "told where files are looked for"

step "notes"
expect_exit 2 nightbus note add tones@v1 -5 "too early"
expect_words "$WORK/err" "-5" begins
expect_exit 2 nightbus note add tones@v1 1:75 "no time"
expect_exit 2 nightbus note add tones@v1 0:01 "  "
nightbus note add tones@v1 0:01 "-6 dB here" >/dev/null
nightbus note list tones@v1 >"$WORK/notes"
expect_words "$WORK/notes" "-6 dB here"
ok "refused and taken"

step "names and paths"
long=$(printf 'x%.0s' $(seq 300))
expect_exit 1 nightbus album create "$long"
expect_words "$WORK/err" 300
expect_exit 1 nightbus album create "../evil"
expect_exit 1 nightbus show "../../etc@v1"
expect_exit 1 nightbus fetch "tones@v99"
expect_exit 2 nightbus fetch
expect_exit 2 nightbus psuh
expect_words "$WORK/err" push
sed "s|audio/t2.wav|../t2.wav|" "$WORK/good/tones/mix.yaml" >songs/tones/mix.yaml
expect_exit 1 nightbus push -m "outside"
expect_words "$WORK/err" ".."
cp "$WORK/good/tones/mix.yaml" songs/tones/mix.yaml
ok "refused"

step "strangers"
cp "$WORK/farm/farm.json" "$WORK/stranger.json"
mkdir "$WORK/stranger"
nightbus up --help >/dev/null
jq --arg key "$WORK/stranger/key" '.key = $key' "$NIGHTBUS_FARM" >"$WORK/stranger.json"
expect_exit 4 nightbus jobs --farm "tcp://127.0.0.1:1/$(farm_json server_key)"
cp "$WORK/farm/keys/owner.key" "$WORK/stranger/key"
chmod 644 "$WORK/stranger/key"
expect_exit 3 nightbus jobs --farm "$WORK/stranger.json"
expect_words "$WORK/err" chmod
rm "$WORK/stranger/key"
# A key of another farm: well made, but unknown here.
nightbus up --data "$WORK/farm2" --renderers 1 >/dev/null 2>&1 &
second=$!
wait_for 60 test -f "$WORK/farm2/farm.json"
jq --arg key "$WORK/farm2/keys/owner.key" '.key = $key' "$NIGHTBUS_FARM" >"$WORK/stranger.json"
expect_exit 3 nightbus jobs --farm "$WORK/stranger.json"
ok "wrong key: $(head -1 "$WORK/err")"
end_process $second

step "the album is as it was"
nightbus push -m "still good" >/dev/null
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
nightbus render songs/tones -o "$WORK/local.wav" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/tones-v1.wav" || fail "v1 changed"
ok "whole"
