#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A song's dear edges are made by several renderers at once, then the song from them: the same bits
# as here, also when one of them is killed meanwhile; and the next version goes on from what is kept.
. "$(dirname "$0")/lib.sh"

# Three tracks with noise reduction and saturation: a second of CPU each.
tone_album tones 90 3 dear
cd tones
sed -i -E 's/^( *)- \{id: hiss([0-9]),.*$/&\n\1- {id: warm\2, processor: saturation, drive_db: 6}/' \
    songs/tones/mix.yaml
start_farm --renderers 3 --threads 1
nightbus album create tones-album
newest() { nightbus jobs -n 1 --json | jq -r ".jobs[0].$1 // 0"; }
is_over() { case $(newest state) in done | failed) ;; *) return 1 ;; esac; }
change_hiss() { # so that no edge is kept
    sed -i -E "s/(processor: noise-reduction, reduction_db: )[0-9.]+/\1$1/" songs/tones/mix.yaml
}
check() { # VERSION: its file is the one that is made here
    nightbus fetch "tones@$1" -o "$WORK/out" >/dev/null
    nightbus render songs/tones -o "$WORK/here/" >/dev/null 2>&1
    cmp "$WORK/out/tones-$1.wav" "$WORK/here/tones.wav" || fail "$1 differs"
}

step "the plan says where"
nightbus plan tones >"$WORK/plan"
expect_words "$WORK/plan" "in parallel" "3 tasks make edges in parallel"
nightbus plan tones --json >"$WORK/plan.json"
[ "$(jq -c '[.task.freeze_tasks, ([.edges[] | select(.where == "parallel")] | length)]' \
    "$WORK/plan.json")" = "[3,6]" ] || fail "not six edges in three tasks: $(cat "$WORK/plan.json")"
[ "$(jq '[.edges[] | select(.ms > 0 and .bytes > 0)] | length' "$WORK/plan.json")" = 6 ] ||
    fail "no times or sizes"
ok "six edges, three tasks"

step "different renderers make them"
nightbus push -m "first mix" >/dev/null
nightbus job 1 >"$WORK/job"
expect_words "$WORK/job" "3 tasks make its dear edges first" "(freeze 1 of 3) on renderer-" \
    "(freeze 3 of 3) on renderer-" "t1/warm1: from the kept edge" "t3/warm3: from the kept edge"
[ "$(grep -oE '\(freeze [0-9] of 3\) on renderer-[0-9]' "$WORK/job" | grep -oE 'renderer-[0-9]' |
    sort -u | wc -l)" -ge 2 ] || fail "one renderer made all: $(cat "$WORK/job")"
check v1
ok "and the song is the local render's, bit for bit"

step "the next version goes on from what is kept"
sed -i 's/fader_db: -2$/fader_db: -5/' songs/tones/mix.yaml
nightbus plan tones --json >"$WORK/plan.json"
[ "$(jq -c '[.task.freeze_tasks, ([.edges[] | select(.fate == "kept")] | length)]' \
    "$WORK/plan.json")" = "[0,6]" ] || fail "not from what is kept: $(cat "$WORK/plan.json")"
nightbus push -m "second down" >/dev/null
nightbus job 2 >"$WORK/job"
expect_words "$WORK/job" "t2/warm2: from the kept edge"
! grep -q "freeze" "$WORK/job" || fail "edges were made again"
check v2
ok "one task, six edges kept"

step "a renderer killed with a freeze task in hand"
# It stands still, so that it certainly has its task when it dies. Should it not wait for work just
# then, the others make all three, and the next version tries again.
number=2
pid=$(farm_json "renderer_pids[$((number - 1))]")
has_freeze() {
    nightbus nodes --json |
        jq -e ".nodes[] | select(.name == \"renderer-$number\") | .doing // \"\" | test(\"freeze\")"
}
has_it_or_is_over() { has_freeze || is_over; }
all_idle() { [ "$(nightbus nodes --json | jq '[.nodes[] | select(.state == "idle")] | length')" = 3 ]; }
caught=
for hiss in 7 8 9 10; do
    wait_for 60 all_idle
    kill -STOP "$pid"
    change_hiss $hiss
    nightbus push --no-wait -m "hiss $hiss" >/dev/null
    wait_for 300 has_it_or_is_over
    if has_freeze >/dev/null; then
        caught=yes
        break
    fi
    kill -CONT "$pid"
done
[ -n "$caught" ] || fail "renderer-$number never got a freeze task"
kill_process "$pid"
check "$(newest version)"
[ "$(newest state)" = "done" ] || fail "the job is $(newest state)"
[ "$(newest attempts)" -ge 2 ] || fail "nobody took the task over"
[ "$(nightbus incidents --json | jq '.incidents | length')" -eq 0 ] || fail "an incident"
ok "another one made its edges; same file"
