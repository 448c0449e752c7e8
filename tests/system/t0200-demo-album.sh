#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The demo album: the same bytes each time, two songs in 8 to 12 stems, well mixed, every stem heard.
. "$(dirname "$0")/lib.sh"
for tool in sox soxi ffmpeg jq; do
    command -v "$tool" >/dev/null || skip "$tool is not here"
done

# in_range VALUE LEAST MOST WHAT
in_range() {
    awk -v v="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(v >= a && v <= b) }' || fail "$4: $1, expected $2 to $3"
}

# The tracks of a mix document that are heard: a muted one only keys a sidechain.
heard_tracks() {
    awk '/^[a-z]/ { tracks = $1 == "tracks:" }
        tracks && /^  - id:/ { ids[++n] = $3 }
        tracks && /^    mute: true/ { delete ids[n] }
        END { for (i = 1; i <= n; i++) if (i in ids) print ids[i] }' "$1"
}

step "written twice, the same bytes"
nightbus-demo-album one >/dev/null
nightbus-demo-album two >/dev/null
diff -r one two || fail "two runs differ"
expect_exit 2 nightbus-demo-album
expect_exit 2 nightbus-demo-album one two
expect_exit 1 nightbus-demo-album one/album.yaml
expect_words err album.yaml
ok "$(find one -type f | wc -l) files"

cd one
[ "$(find songs -name mix.yaml | wc -l)" = 2 ] || fail "not two songs"
for song in last-bus-home neon-rain; do
    step "$song: the stems"
    count=$(find "audio/$song" -name '*.wav' | wc -l)
    in_range "$count" 8 12 "stems"
    for trait in "-c 1" "-c 2" "-r 44100" "-r 48000"; do
        read -r flag value <<<"$trait"
        soxi -V1 "$flag" "audio/$song/"*.wav | grep -cx "$value" >count || fail "no stem with $trait"
    done
    for stem in "audio/$song/"*.wav; do
        grep -qF "file: $stem" "songs/$song/mix.yaml" || fail "$stem is not in the mix"
    done
    ok "$count"

    step "$song: the mix"
    nightbus render "songs/$song" -o "$WORK/mix.wav" >/dev/null
    nightbus report "$WORK/mix.wav" --json >"$WORK/report.json"
    read -r lufs peak seconds clipped <<<"$(jq -r \
        '"\(.integrated_lufs) \(.true_peak_dbtp) \(.duration_s) \(.clipped_samples)"' "$WORK/report.json")"
    in_range "$seconds" 30 60 "seconds"
    in_range "$lufs" -16.5 -13.5 "LUFS"
    in_range "$peak" -6 -1 "true peak"
    [ "$clipped" = 0 ] || fail "$clipped clipped samples"
    ffmpeg -nostdin -hide_banner -i "$WORK/mix.wav" -af ebur128=peak=true -f null - 2>"$WORK/ffmpeg"
    read -r their_lufs their_peak <<<"$(awk '/Summary/ { on = 1 } on && $1 == "I:" { i = $2 }
        on && $1 == "Peak:" { p = $2 } END { print i, p }' "$WORK/ffmpeg")"
    in_range "$(awk -v a="$lufs" -v b="$their_lufs" 'BEGIN { print a - b }')" -0.1 0.1 "LUFS against ffmpeg's"
    in_range "$(awk -v a="$peak" -v b="$their_peak" 'BEGIN { print a - b }')" -0.2 0.2 "true peak against ffmpeg's"
    ok "$lufs LUFS, $peak dBTP, $seconds s"

    step "$song: every stem is heard"
    heard_tracks "songs/$song/mix.yaml" >"$WORK/tracks"
    [ "$(wc -l <"$WORK/tracks")" -ge 7 ] || fail "only $(wc -l <"$WORK/tracks") tracks"
    mkdir -p songs/muted "$WORK/muted"
    sed 's/.*/  - {id: no-&, mute: [&]}/' "$WORK/tracks" >"$WORK/alternates"
    sed "/^alternates:/r $WORK/alternates" "songs/$song/mix.yaml" >songs/muted/mix.yaml
    nightbus render songs/muted --alternates -o "$WORK/muted/" >/dev/null
    [ "$(pcm_digest "$WORK/mix.wav")" = "$(pcm_digest "$WORK/muted/muted.wav")" ] ||
        fail "its mix is another with alternates"
    quietest=0
    while read -r track; do
        difference=$(sox -V1 -m -v 1 "$WORK/mix.wav" -v -1 "$WORK/muted/muted-no-$track.wav" -n stats 2>&1 |
            awk '/^RMS lev dB/ { print $4 }')
        in_range "$difference" -40 0 "$track muted, what changes in dBFS"
        quietest=$(awk -v a="$quietest" -v b="$difference" 'BEGIN { print (b < a) ? b : a }')
    done <"$WORK/tracks"
    rm -r songs/muted "$WORK/muted"
    ok "the quietest makes $quietest dBFS"
done
