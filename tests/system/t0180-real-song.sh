#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real song in 16 stems goes through as an album of its own.
. "$(dirname "$0")/lib.sh"
stems=$SHARED_DATA/song-caesium
[ -d "$stems" ] || skip "the real stems are not here ($stems)"
command -v ffmpeg >/dev/null || skip "ffmpeg is not here"

step "an album of the stems"
mkdir -p caesium/songs/caesium caesium/audio
{
    printf 'format: nightbus-mix/1\ntitle: Caesium\nrate_hz: 48000\ntempo:\n  - {at: 0, bpm: 130}\ntracks:\n'
    for stem in "$stems"/*.m4a; do
        id=$(basename "$stem" .m4a | tr '_' '-')
        [ "$id" != master ] || continue
        ffmpeg -nostdin -loglevel error -i "$stem" -t 60 -c:a pcm_s24le "caesium/audio/$id.wav"
        printf '  - id: %s\n    clips: [{id: %s-1, file: audio/%s.wav, at: 0}]\n    fader_db: -6\n' "$id" "$id" "$id"
        printf '    inserts:\n      - {id: %s-eq, processor: equaliser, bands: [{type: high-pass, freq_hz: 30}]}\n' "$id"
    done
    printf 'mix_bus:\n  inserts:\n    - {id: glue, processor: compressor, threshold_db: -16, ratio: 2}\n'
    printf '    - {id: limit, processor: limiter, ceiling_dbtp: -1}\n'
} >caesium/songs/caesium/mix.yaml
printf 'format: nightbus-album/1\ntitle: Caesium\nsongs: [caesium]\n' >caesium/album.yaml
ok "$(find caesium/audio -name '*.wav' | wc -l) stems"

step "through the farm"
start_farm --renderers 2
cd caesium
nightbus album create caesium
nightbus push -m "rough mix"
nightbus fetch caesium@v1 -o "$WORK/out" >/dev/null
nightbus render songs/caesium -o "$WORK/local.wav" >/dev/null
cmp "$WORK/local.wav" "$WORK/out/caesium-v1.wav" || fail "farm and local render differ"
ok "same file"

step "the report agrees with ffmpeg"
nightbus report "$WORK/local.wav" --json >"$WORK/report.json"
ffmpeg -nostdin -hide_banner -i "$WORK/local.wav" -af ebur128=peak=true -f null - 2>"$WORK/ffmpeg"
lufs=$(awk '/Summary/ {on = 1} on && $1 == "I:" {print $2}' "$WORK/ffmpeg" | tail -1)
peak=$(awk '/Summary/ {on = 1} on && $1 == "Peak:" {print $2}' "$WORK/ffmpeg" | tail -1)
jq -e --argjson i "$lufs" --argjson p "$peak" \
    '((.integrated_lufs - $i) | fabs) <= 0.1 and ((.true_peak_dbtp - $p) | fabs) <= 0.2 and .true_peak_dbtp <= -0.9' \
    "$WORK/report.json" >/dev/null || {
    head -20 "$WORK/report.json"
    fail "ffmpeg says $lufs LUFS, $peak dBTP"
}
ok "ffmpeg: $lufs LUFS, $peak dBTP"
