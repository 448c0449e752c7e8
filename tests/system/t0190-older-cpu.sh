#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An older CPU of the x86-64-v3 class (an emulated Haswell) gives the same bits, and narrower
# registers do, too.
. "$(dirname "$0")/lib.sh"

nightbus-demo-album album >/dev/null
song=album/songs/last-bus-home
# A few seconds say as much as the song, and emulation is slow.
section=(--from 0:08 --to 0:10)
nightbus render "$song" "${section[@]}" -o here.wav >/dev/null
[ "$(nightbus report here.wav --json | jq '.sample_peak_dbfs > -30')" = true ] || fail "the section is silent"
for lanes in 2 4; do
    NIGHTBUS_LANES=$lanes nightbus render "$song" "${section[@]}" -o "lanes-$lanes.wav" >/dev/null
    cmp here.wav "lanes-$lanes.wav" || fail "$lanes lanes give other bits"
done
ok "2 and 4 lanes: same bits"
command -v qemu-x86_64 >/dev/null || skip "qemu-x86_64 is not here"
! grep -q __asan_init "$(command -v nightbus)" || skip "an emulator has no room for the address sanitizer"
qemu-x86_64 -cpu Haswell "$(command -v nightbus)" render "$song" "${section[@]}" -o haswell.wav >/dev/null
cmp here.wav haswell.wav || fail "an emulated Haswell gives other bits"
ok "an emulated Haswell: same bits"
