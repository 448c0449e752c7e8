#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A song that kills every renderer that touches it: on a farm of two its task ends as failed, in
# words, and all other songs are rendered.
. "$(dirname "$0")/lib.sh"
[ -x "$NIGHTBUS_BIN/doctored_renderer" ] || skip "doctored_renderer was not built"

mkdir bin
cp "$NIGHTBUS_BIN/nightbus" "$NIGHTBUS_BIN/nightbus-coordinator" bin
cp "$NIGHTBUS_BIN/doctored_renderer" bin/nightbus-renderer
export PATH="$WORK/bin:$PATH" NIGHTBUS_DOCTOR=die:poison

tone_album tones 4 2
mkdir tones/songs/poison
sed -e 's/^title: Tones/title: Poison/' -e 's/^    fader_db: -1$/    fader_db: -2/' \
    tones/songs/tones/mix.yaml >tones/songs/poison/mix.yaml
sed -i 's/^songs: .*/songs: [poison, tones]/' tones/album.yaml
start_farm --renderers 2 --threads 1
cd tones
nightbus album create tones-album

step "it takes five attempts, and no more"
nightbus push --no-wait -m "one of them is poison" >/dev/null
job_of() { nightbus jobs --json | jq -r "[.jobs[] | select(.song == \"$1\")][0].$2 // 0"; }
is_failed() { [ "$(job_of poison state)" = failed ]; }
wait_for 120 is_failed
expect_exit 1 nightbus job "$(job_of poison job)" --follow
# One that a busy machine kept from its lease for so long that it gave up by itself does not count.
died=$(nightbus job "$(job_of poison job)" | grep -c "so it died there")
[ "$died" -eq 5 ] || fail "it killed $died renderers in $(job_of poison attempts) attempts"
job_of poison error >"$WORK/error"
expect_words "$WORK/error" "went away while they rendered it"
COLUMNS=50 nightbus job "$(job_of poison job)" >"$WORK/said" # whole, however narrow
tr -s ' \n' ' ' <"$WORK/said" >"$WORK/words"
expect_words "$WORK/words" "$(tr -s ' \n' ' ' <"$WORK/error" | sed 's/ $//')"
ok "$(cat "$WORK/error")"

step "the other song is rendered, and both renderers go on"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null || fail "tones was not rendered"
all_idle() { [ "$(nightbus nodes --json | jq '[.nodes[] | select(.state == "idle")] | length')" -eq 2 ]; }
wait_for 60 all_idle
ok "nobody is blamed for it"
