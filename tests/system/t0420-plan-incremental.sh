#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a revision costs: alternates and stems in one task, nothing rendered that is known already.
. "$(dirname "$0")/lib.sh"

tasks() { nightbus jobs -n 200 --json | jq '[.jobs[] | select(.cached | not)] | length'; }

step "mix, alternates and stems are the local render's, bit for bit"
start_farm --renderers 1
tone_album tones 2 3
cd tones
cat >>songs/tones/mix.yaml <<'YAML'
alternates:
  - {id: no-lead, mute: [t1]}
  - id: lead-up
    offset_db: {t1: 1.5}
YAML
nightbus album create tones-album
nightbus push -m "first mix" >/dev/null
nightbus fetch tones@v1 --alternates --stems -o "$WORK/out" >"$WORK/fetched"
nightbus render songs/tones --alternates --stems -o "$WORK/here/" >/dev/null
cmp "$WORK/out/tones-v1.wav" "$WORK/here/tones.wav" || fail "the mix differs"
for name in no-lead lead-up; do
    cmp "$WORK/out/tones-v1-$name.wav" "$WORK/here/tones-$name.wav" || fail "$name differs"
    cmp "$WORK/out/tones-v1-$name.report.json" "$WORK/here/tones-$name.report.json" ||
        fail "the report of $name differs"
done
[ "$(find "$WORK/out/tones-v1-stems" -type f | wc -l)" = 3 ] || fail "not three stems"
for stem in "$WORK"/here/tones-stems/*.wav; do
    cmp "$stem" "$WORK/out/tones-v1-stems/$(basename "$stem")" || fail "stem $(basename "$stem") differs"
done
rm -r "$WORK/out"
nightbus fetch tones@v1 --alternate no-lead -o "$WORK/out" --json >"$WORK/fetched"
[ "$(jq -r '.files[].output' "$WORK/fetched" | sort | tr '\n' ' ')" = \
    "alternate/no-lead.report.json alternate/no-lead.wav " ] || fail "not that alternate alone"
expect_exit 1 nightbus fetch tones@v1 --alternate nobody -o "$WORK/out"
expect_words "$WORK/err" "no-lead" "lead-up"
ok "one mix, two alternates, three stems"

step "only what changed is made"
jobs=$(tasks)
sed -i 's/t1: 1.5/t1: 2/' songs/tones/mix.yaml
nightbus push -m "lead up more" >/dev/null
nightbus job "$(nightbus jobs -n 1 --json | jq '.jobs[0].job')" >"$WORK/job"
expect_words "$WORK/job" "1 output"
nightbus fetch tones@v2 --alternates -o "$WORK/out" >/dev/null
nightbus render songs/tones --alternates -o "$WORK/here/" >/dev/null
cmp "$WORK/out/tones-v2.wav" "$WORK/here/tones.wav" || fail "the kept mix is not the mix"
cmp "$WORK/out/tones-v2-lead-up.wav" "$WORK/here/tones-lead-up.wav" || fail "the new alternate differs"
[ "$(tasks)" = $((jobs + 1)) ] || fail "not one task more"
ok "one alternate"
