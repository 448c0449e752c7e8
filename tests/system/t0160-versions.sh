#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A program one version of the protocol older or newer, command or renderer, on either side, is told in
# words what to upgrade, and nothing else is disturbed by it.
. "$(dirname "$0")/lib.sh"

mkdir other
for program in nightbus nightbus-coordinator nightbus-renderer; do
    cp "$NIGHTBUS_BIN/other-$program" "other/$program"
done
# of VERSION COMMAND...: a program of that version.
of() { env NIGHTBUS_SPEAKS="$1" "$WORK/other/$2" "${@:3}"; }
words() { # words VERSION-OF-PROGRAM VERSION-OF-COORDINATOR
    local side=coordinator
    [ "$1" -gt "$2" ] || side=program
    echo "speaks protocol $1, the coordinator protocol $2: upgrade the $side"
}

step "a farm of today renders"
tone_album tones 60 6 dear
nightbus render tones/songs/tones -o local.wav >/dev/null
start_farm --renderers 1 --threads 1
HOME="$WORK/attic" nightbus join "$(nightbus invite --role renderer --name attic 2>/dev/null)" >/dev/null
address="$(farm_json control)/$(farm_json server_key)"
coordinator=$(farm_json coordinator_pid)
attic=(nightbus-renderer --farm "$address" --key "$WORK/attic/.config/nightbus/renderer.key" --name attic)
state_of() { nightbus nodes --json | jq -r "[.nodes[] | select(.name == \"$1\").state][0]"; }
has_joined() { [ "$(state_of attic)" = idle ]; }
(cd tones && nightbus album create tones >/dev/null && nightbus push --no-wait -m "first" >/dev/null)

for version in 0 2; do
    step "a command and a renderer of version $version"
    for _ in $(seq 12); do # so many messages that make no sense would silence the key
        expect_exit 4 of $version nightbus jobs
        expect_words "$WORK/err" "$(words $version 1)"
    done
    ok "$(cat "$WORK/err")"
    NIGHTBUS_SPEAKS=$version "$WORK/other/${attic[0]}" "${attic[@]:1}" --cache "$WORK/cache" 2>"$WORK/attic.log" &
    renderer=$!
    wait_for 60 grep -F "$(words $version 1)" "$WORK/attic.log"
    kill -0 $renderer || fail "it does not wait for its upgrade"
    [ "$(state_of attic)" = null ] || fail "the farm counts on it"
    end_process $renderer
    ok "$(tail -1 "$WORK/attic.log")"
done

step "nothing else is disturbed"
nightbus note add tones@v1 0:01 "with the same key" -A tones >/dev/null
nightbus fetch tones@v1 -A tones -o out >/dev/null
cmp local.wav out/tones-v1.wav || fail "the file differs"
[ "$(nightbus jobs --json | jq '.jobs[0].attempts')" -eq 1 ] || fail "it took another attempt"
[ "$(farm_json coordinator_pid)" -eq "$coordinator" ] || fail "the coordinator was started again"
"${attic[@]}" --cache "$WORK/cache" 2>"$WORK/attic.log" &
renderer=$!
wait_for 60 has_joined
end_process $renderer
ok "same file, one attempt; once upgraded, the renderer works"
stop_farm

for version in 0 2; do
    step "a farm of version $version"
    NIGHTBUS_SPEAKS=$version other/nightbus up --data "$WORK/farm-$version" >up.out 2>up.err &
    farm_pid=$!
    farm="$WORK/farm-$version/farm.json"
    wait_for 60 test -f "$farm"
    of $version nightbus nodes --farm "$farm" >said
    expect_words said renderer-1
    expect_exit 4 nightbus jobs --farm "$farm"
    expect_words "$WORK/err" "$(words 1 $version)"
    ok "$(cat "$WORK/err")"
    nightbus-renderer --farm "$(jq -r '.control + "/" + .server_key' "$farm")" --name renderer-1 \
        --key "$WORK/farm-$version/keys/renderer-1.key" --cache "$WORK/cache" 2>renderer.log &
    renderer=$!
    wait_for 60 grep -F "$(words 1 $version)" renderer.log
    ok "$(tail -1 renderer.log)"
    end_process $renderer
    of $version nightbus nodes --farm "$farm" >said
    expect_words said renderer-1 idle
    end_process $farm_pid
    farm_pid=
done

step "a document of another version"
mkdir song
printf 'format: nightbus-mix/2\ntracks: []\n' >song/mix.yaml
expect_exit 1 nightbus render song
expect_words "$WORK/err" "mix.yaml:1:" "nightbus-mix/1"
ok "$(head -1 "$WORK/err")"
