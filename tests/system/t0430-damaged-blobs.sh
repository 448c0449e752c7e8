#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Bytes rot in the store. A damaged output is found by whoever fetches it, set aside and rendered
# again; a damaged input is never rendered from, and the next push of its owner sends it again.
. "$(dirname "$0")/lib.sh"

tone_album tones 4 3
nightbus render tones/songs/tones -o v1.wav >/dev/null
start_farm --renderers 1
cd tones
nightbus album create tones-album
nightbus push -m "first" >/dev/null
blob() { echo "$WORK/farm/store/objects/${1:0:2}/${1:2:2}/$1"; }
# Another byte in the middle, as old as if it had lain there for a day.
damage() {
    chmod u+w "$1"
    printf '\x55\xaa' | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") / 2)) conv=notrunc status=none
    touch -d '1 day ago' "$1"
}
set_aside() { find "$WORK/farm/store/damaged" -type f | wc -l; }

step "an output that rots is rendered again for whoever fetches it"
output=$(nightbus show tones@v1 --json | jq -r '.outputs[] | select(.name == "mix.wav").sha256')
damage "$(blob "$output")"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null || fail "not fetched"
cmp "$WORK/v1.wav" "$WORK/out/tones-v1.wav" || fail "v1 is another file"
[ "$(set_aside)" -eq 1 ] || fail "the damaged one was not set aside"
ok "same file"

step "an output that is gone is rendered again, too"
rm "$(blob "$output")"
rm -r "$WORK/out"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null || fail "not fetched"
cmp "$WORK/v1.wav" "$WORK/out/tones-v1.wav" || fail "v1 is another file"
[ "$(nightbus incidents --json | jq '.incidents | length')" -eq 0 ] || fail "an incident"
ok "same file"

step "from an input that rots nothing is rendered"
input=$(sha256sum audio/t1.wav | cut -d' ' -f1)
damage "$(blob "$input")"
sed -i 's/threshold_db: -24/threshold_db: -26/' songs/tones/mix.yaml
nightbus render songs/tones -o "$WORK/v2.wav" >/dev/null
nightbus push --no-wait -m "second" >/dev/null
is_failed() { [ "$(nightbus jobs --json | jq -r '.jobs[0].state')" = failed ]; }
wait_for 60 is_failed
nightbus jobs --json | jq -r '.jobs[0].error' >"$WORK/error"
expect_words "$WORK/error" "audio/t1.wav: the farm's copy is damaged"
is_gone() { [ ! -e "$(blob "$input")" ]; }
wait_for 60 is_gone
ok "$(cat "$WORK/error")"

step "the next push sends it again"
nightbus push -m "the same" >"$WORK/pushed" || fail "not pushed"
[ -e "$(blob "$input")" ] || { cat "$WORK/pushed"; fail "t1.wav was not sent"; }
nightbus retry "$(nightbus jobs --json | jq -r '.jobs[0].job')" >/dev/null || fail "no retry"
is_done() { [ "$(nightbus jobs --json | jq -r '.jobs[0].state')" = "done" ]; }
wait_for 60 is_done
nightbus fetch tones@v2 -o "$WORK/out" >/dev/null || fail "v2 was not rendered"
cmp "$WORK/v2.wav" "$WORK/out/tones-v2.wav" || fail "v2 is another file"
ok "v2 is right"

if [ -x "$NIGHTBUS_BIN/doctored_renderer" ]; then
    step "a renderer whose cache loses files under its hands gives the song back, and renders it then"
    stop_farm
    mkdir "$WORK/bin"
    cp "$NIGHTBUS_BIN/nightbus" "$NIGHTBUS_BIN/nightbus-coordinator" "$WORK/bin"
    cp "$NIGHTBUS_BIN/doctored_renderer" "$WORK/bin/nightbus-renderer"
    sed -i 's/threshold_db: -26/threshold_db: -28/' songs/tones/mix.yaml
    nightbus render songs/tones -o "$WORK/v3.wav" >/dev/null
    PATH="$WORK/bin:$PATH" NIGHTBUS_DOCTOR="lose:$WORK/farm/cache" start_farm --renderers 1 --transfer
    nightbus push -m "third" >/dev/null || fail "not rendered"
    [ "$(nightbus jobs --json | jq -r '.jobs[0].attempts')" -eq 2 ] || fail "it lost nothing"
    nightbus fetch tones@v3 -o "$WORK/out" >/dev/null || fail "v3 was not rendered"
    cmp "$WORK/v3.wav" "$WORK/out/tones-v3.wav" || fail "v3 is another file"
    ok "v3 is right"
fi
