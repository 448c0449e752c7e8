#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# People and renderers join by invites, do what their roles allow and nothing else, and are out at
# once when a key or a role is taken away.
. "$(dirname "$0")/lib.sh"

step "a farm with an album of somebody's"
start_farm --renderers 1
tone_album album 2 2
cd album
nightbus album create night >/dev/null 2>&1 || fail "no album"
nightbus push -m "first" >/dev/null
cd ..
farm_key=$(farm_json server_key)
address="$(farm_json control)/$farm_key"

# as NAME COMMAND...: with a home and so a key of one's own, on the farm by its address.
as() {
    local name=$1
    shift
    mkdir -p "$WORK/$name"
    HOME="$WORK/$name" XDG_STATE_HOME="$WORK/$name/state" NIGHTBUS_FARM="$address" "$@"
}

step "a stranger is told so, and what to do"
expect_exit 3 as eve nightbus album list
expect_words "$WORK/err" "does not know your key"

step "an invite lets one person in, once"
invite=$(nightbus invite --role artist -A night --name "Mia Song" 2>"$WORK/note")
expect_words "$WORK/note" "good on this machine only" "good once"
expect_exit 0 as mia nightbus join "$invite"
expect_words "$WORK/said" "you are Mia Song here: artist on album 'night'"
expect_exit 3 as eve nightbus join "$invite" --name Eve
expect_words "$WORK/err" "used already"
expect_exit 3 as eve nightbus album list
expect_exit 3 as mia nightbus join "$invite"
expect_words "$WORK/err" "knows your key already"
nightbus invite list --json | jq -e '.invites[0] | .state == "used" and .joined == "Mia Song"' >/dev/null ||
    fail "the used invite is not listed as such"
ok "a replay is refused"

step "an artist listens and writes, but does not push, nor invite, nor read the log of others"
as mia nightbus album list --json | jq -e '.albums | length == 1' >/dev/null || fail "no album seen"
as mia nightbus note add tones@v1 0:01 "louder" -A night >/dev/null
wait_for 60 as mia nightbus fetch tones@v1 -A night -o "$WORK/mia"
expect_exit 3 as mia nightbus invite --role owner -A night
expect_words "$WORK/err" "given by its owners"
expect_exit 3 as mia nightbus nodes
expect_words "$WORK/err" "NodeList takes a role" "Mia Song has: artist"
expect_exit 3 as mia nightbus audit
expect_exit 3 as mia nightbus role "Mia Song" -A night --add owner
as mia nightbus album clone night "$WORK/copy" >/dev/null
sed -i 's/fader_db: -1$/fader_db: -2/' copy/songs/tones/mix.yaml
cd copy
expect_exit 3 as mia nightbus push -m "mine"
cd ..
expect_words "$WORK/err" "owner, engineer"
# Another album is as if it were not there.
nightbus album create secret >/dev/null
expect_exit 3 as mia nightbus log -A secret
cp "$WORK/err" "$WORK/there"
expect_exit 3 as mia nightbus log -A absent
diff <(sed s/secret/X/ "$WORK/there") <(sed s/absent/X/ "$WORK/err") || fail "a secret album shows"

step "roles are given and taken, from the next request on"
nightbus role "Mia Song" -A secret --add engineer
as mia nightbus log -A secret >/dev/null
nightbus role "Mia Song" -A secret --remove engineer
expect_exit 3 as mia nightbus log -A secret
person=$(nightbus people --json | jq -r '.people[] | select(.album == "*").name')
expect_exit 3 nightbus role "$person" --remove operator
expect_words "$WORK/err" "last operator"

step "another key of one's own; the first one is revoked by it, and is out"
own=$(as mia nightbus invite 2>/dev/null)
expect_exit 0 as mia2 nightbus join "$own"
expect_words "$WORK/said" "you are Mia Song here"
as mia2 nightbus note list tones@v1 -A night >/dev/null
first=$(as mia2 nightbus keys --json | jq -r '.keys[0].key')
expect_exit 3 as mia nightbus keys revoke "${first:0:12}"
expect_words "$WORK/err" "the key you speak with"
as mia2 nightbus keys revoke "${first:0:12}" >/dev/null
expect_exit 3 as mia nightbus note list tones@v1 -A night
nightbus keys --json | jq -e '[.keys[] | select(.name == "Mia Song" and .revoked_ms != null)] | length == 1' \
    >/dev/null || fail "the revoked key is not listed as such"

step "an invite ends by being taken back, and by time; a taken name stays whose it is"
back=$(nightbus invite --role artist -A night 2>/dev/null)
id=$(nightbus invite list --json | jq '.invites[0].invite')
nightbus invite revoke "$id" >/dev/null
newest_is() { [ "$(nightbus invite list --json | jq -r '.invites[0].state')" = "$1" ]; }
newest_is revoked || fail "the invite that was taken back is not listed as such"
expect_exit 3 as eve nightbus join "$back" --name Eve
late=$(nightbus invite --role artist -A night --expires 1s 2>/dev/null)
wait_for 60 newest_is expired
expect_exit 3 as eve nightbus join "$late" --name Eve
open=$(nightbus invite --role artist -A night 2>/dev/null)
expect_exit 3 as eve nightbus join "$open" --name "mia song"
expect_words "$WORK/err" "somebody here is called 'Mia Song'"
expect_exit 1 as eve nightbus join "${open%/*/*}/0000/artist" --name Eve
expect_words "$WORK/err" "damaged"

step "a renderer joins from elsewhere, works, and its work goes on elsewhere when its key is revoked"
expect_exit 0 as attic nightbus join "$(nightbus invite --role renderer --name attic 2>/dev/null)"
expect_words "$WORK/said" "renders for the farm as 'attic'"
attic_key="$WORK/attic/.config/nightbus/renderer.key"
nightbus-renderer --farm "$address" --key "$attic_key" --name attic --cache "$WORK/cache" 2>"$WORK/attic.log" &
attic=$!
wait_for 60 eval 'nightbus nodes --json | jq -e ".nodes[] | select(.name == \"attic\" and .state == \"idle\")"'
nightbus-renderer --farm "$address" --key "$attic_key" --name attic --cache "$WORK/cache2" 2>"$WORK/second.log" &
second=$!
wait_for 60 grep "connected already" "$WORK/second.log"
end_process "$second"
key=$(nightbus keys --json | jq -r '.keys[] | select(.name == "attic").key')
nightbus keys revoke "$key" >/dev/null
wait_for 60 eval 'nightbus nodes --json | jq -e ".nodes[] | select(.name == \"attic\" and .state == \"lost\")"'
end_process "$attic"

step "who did what is on record, across a restart"
stop_farm
start_farm --renderers 1
nightbus audit -L 100 --json >"$WORK/audit"
for action in AlbumCreate Push NoteAdd InviteMake Join RoleChange KeyChange InviteRevoke; do
    jq -e --arg a "$action" '[.audit[] | select(.action == $a)] | length > 0' "$WORK/audit" >/dev/null ||
        fail "the audit log lacks $action"
done
jq -e '.audit[] | select(.action == "NoteAdd") | .person == "Mia Song" and .album == "night"' \
    "$WORK/audit" >/dev/null || fail "the note's entry is wrong"
expect_exit 3 as mia nightbus album list
ok "a revoked key stays revoked"

step "other machines reach a farm that listens to them, by the name that the invite says"
stop_farm
start_farm --renderers 1 --listen 0.0.0.0
case $(farm_json control) in
tcp://127.0.0.1:*) ;;
*) fail "this machine's own programs are sent to $(farm_json control)" ;;
esac
link=$(nightbus invite --role artist -A night --name Eve --address 127.0.0.3 2>"$WORK/note")
case $link in
nightbus://127.0.0.3:*) ;;
*) fail "the invite names another place: $link" ;;
esac
expect_exit 0 as eve nightbus join "$link"
as eve env -u NIGHTBUS_FARM nightbus album list --json | jq -e '.albums[0].album == "night"' >/dev/null ||
    fail "the farm that was joined is not remembered"
