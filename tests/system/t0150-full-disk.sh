#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A full disk: pushes are refused in words, notes are still taken, nothing acknowledged is lost.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "needs root to mount a small tmpfs"

mkdir "$WORK/farm"
mount -t tmpfs -o size=48m tmpfs "$WORK/farm" 2>/dev/null || skip "cannot mount a tmpfs here"
mounted="$WORK/farm"
start_farm --renderers 1
tone_album small 4 3
cd small
nightbus album create small-album
nightbus push -m "fits" >/dev/null
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cp "$WORK/out/tones-v1.wav" "$WORK/before.wav"
ok "a small album fits"

step "a push that does not fit"
cd "$WORK"
tone_album large 120 8
cd large
nightbus album create large-album
expect_exit 1 nightbus push -m "too large"
expect_words "$WORK/err" full
ok "refused: $(tail -1 "$WORK/err")"

step "what was there still is"
cd "$WORK/small"
nightbus note add tones@v1 0:01 "still listening" || fail "no note on a full disk"
rm -rf "$WORK/out"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cmp "$WORK/before.wav" "$WORK/out/tones-v1.wav" || fail "v1 changed"
stop_farm
start_farm --renderers 1
nightbus note list tones@v1 >"$WORK/notes"
expect_words "$WORK/notes" "still listening"
check_repository "$WORK/farm/albums/small-album.git"
ok "notes, versions, audio"
stop_farm

step "a start on a disk without any room"
[ -f "$WORK/farm/reserve" ] || fail "no room was kept"
fill() { head -c 64M /dev/zero >"$WORK/farm/$1" 2>/dev/null || true; }
fill filler
start_farm --renderers 1
fill more # nor is there any room later
nightbus note list tones@v1 >"$WORK/notes"
expect_words "$WORK/notes" "still listening"
rm -rf "$WORK/out"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cmp "$WORK/before.wav" "$WORK/out/tones-v1.wav" || fail "v1 changed"
sed -i 's/^title: Tones$/title: Tones, again/' songs/tones/mix.yaml
expect_exit 1 nightbus push -m "no room"
expect_words "$WORK/err" full
stop_farm
ok "it reads: $(tail -1 "$WORK/err")"

step "and another one, with nothing kept for it"
fill most
expect_exit 1 timeout 60 nightbus-coordinator --data "$WORK/farm"
expect_words "$WORK/err" "make some MB free"
rm -f "$WORK/farm/filler" "$WORK/farm/more" "$WORK/farm/most"
start_farm --renderers 1
nightbus push -m "there is room" >/dev/null
is_kept() { [ -f "$WORK/farm/reserve" ]; }
wait_for 60 is_kept
stop_farm
ok "told what to do; then it starts"

step "a render into a full disk"
umount "$WORK/farm"
mounted=
mkdir "$WORK/tiny"
mount -t tmpfs -o size=1m tmpfs "$WORK/tiny"
mounted="$WORK/tiny"
expect_exit 1 nightbus render "$WORK/large/songs/tones" -o "$WORK/tiny/out.wav"
expect_words "$WORK/err" "out.wav"
[ -z "$(ls "$WORK/tiny")" ] || fail "left: $(ls "$WORK/tiny")"
ok "refused: $(tail -1 "$WORK/err")"
