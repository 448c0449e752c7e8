#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Versions people agree on: two people with two keys approve, request changes, withdraw; of two at once
# one is told; what is approved outlives every collection.
. "$(dirname "$0")/lib.sh"

step "a farm that two people know"
start_farm --renderers 2 --threads 1
stop_farm
jq '(.[] | select(.name == "renderer-2")) |= (.name = "Bo" | .roles = ["owner"] | .local = false)' \
    farm/keys/trusted.json >trusted.json
cp trusted.json farm/keys/trusted.json
start_farm --renderers 1 --threads 1
jq --arg key "$WORK/farm/keys/renderer-2.key" '.key = $key' "$NIGHTBUS_FARM" >bo.json
bo() { nightbus "$@" --farm "$WORK/bo.json"; }

tone_album ada 2 2
cd ada
nightbus album create tones >/dev/null
nightbus push -m "first mix" >/dev/null
sha=$(nightbus show tones@v1 --json | jq -r '.outputs[] | select(.name == "mix.wav") | .sha256')

step "of two who decide at once one is told"
# Both look at the version as it is; whoever comes second is refused, here by the farm or already by what
# they see, and is told who was first.
(nightbus approve tones@v1 >"$WORK/ada.out" 2>"$WORK/ada.err" && echo 0 || echo $?) >"$WORK/ada.code" &
first=$!
(bo request-changes tones@v1 -A tones -m "the bass is late" >"$WORK/bo.out" 2>"$WORK/bo.err" && echo 0 ||
    echo $?) >"$WORK/bo.code" &
second=$!
wait $first $second
case "$(cat "$WORK/ada.code") $(cat "$WORK/bo.code")" in
"0 3") expect_words "$WORK/bo.err" "Ada Desk" "approved" ;;
"3 0") expect_words "$WORK/ada.err" "Bo" "requested" ;;
*)
    cat "$WORK"/{ada,bo}.{out,err} >&2
    fail "not exactly one of the two: $(cat "$WORK"/{ada,bo}.code | tr '\n' ' ')"
    ;;
esac
[ "$(nightbus show tones@v1 --json | jq '.decisions | length')" = 1 ] || fail "not one decision"
ok "one stands, the other knows of it"

step "withdrawn"
nightbus withdraw tones@v1 -m "let us talk" >"$WORK/said"
expect_words "$WORK/said" "tones@v1: open" "Ada Desk withdrew"
expect_exit 1 nightbus withdraw tones@v1
expect_words "$WORK/err" "no decision to withdraw"

step "changes are requested with a text from an editor, a file, standard input"
expect_exit 2 nightbus request-changes tones@v1 </dev/null
expect_words "$WORK/err" "no text" "-F -"
expect_exit 1 env NIGHTBUS_EDITOR=true nightbus request-changes tones@v1
expect_words "$WORK/err" "nothing was written"
echo "the bass is late" | bo request-changes tones@v1 -A tones -F - --json >"$WORK/said"
[ "$(jq -r '[.standing, .decided_by, .decided_text, .decided_sha256] | join("|")' "$WORK/said")" = \
    "changes-requested|Bo|the bass is late|$sha" ] || fail "$(cat "$WORK/said")"

step "log and show say where a version stands"
nightbus log tones >"$WORK/said"
expect_words "$WORK/said" "STATE" "v1" "changes by Bo" "LUFS"
nightbus show tones@v1 >"$WORK/said"
expect_words "$WORK/said" "changes requested by Bo" "Ada Desk withdrew the decision" "let us talk" "${sha:0:12}" "dBTP"
COLUMNS=40 nightbus show tones@v1 >"$WORK/said" # narrow, and nothing of it is cut
expect_words "$WORK/said" "withdrew the" "${sha:0:12}"
[ "$(nightbus log tones --json | jq -r '.revisions[0].details[0].standing')" = changes-requested ] ||
    fail "the log's JSON does not say where v1 stands"

step "against another's decision only with --yes"
expect_exit 3 nightbus approve tones@v1
expect_words "$WORK/err" "changes requested by Bo" "the bass is late" "--yes"

step "what is not the newest is asked about"
sed -i 's/fader_db: -1$/fader_db: -4/' songs/tones/mix.yaml
expect_exit 1 env NIGHTBUS_EDITOR=true nightbus push
expect_words "$WORK/err" "nothing was written"
cat >"$WORK/editor" <<'SH'
grep -q '^#   changed  songs/tones/mix.yaml' "$1" && sed -i '1i bass earlier' "$1"
SH
NIGHTBUS_EDITOR="bash $WORK/editor" nightbus push >/dev/null
[ "$(nightbus show tones@v2 --json | jq -r .message)" = "bass earlier" ] || fail "the editor's text is not the message"
expect_exit 3 bo approve tones@v1 -A tones
expect_words "$WORK/err" "tones@v2 is newer than v1" "--yes"
nightbus approve tones@v2 -m "yes!" >"$WORK/said"
expect_words "$WORK/said" "approved by Ada Desk" "sha256"
bo approve tones@v1 --yes -A tones >"$WORK/said"
expect_words "$WORK/said" "approved by Bo" "$sha"

step "each has an inbox of what the others said"
nightbus inbox >"$WORK/said"
expect_words "$WORK/said" "tones@v1" "Bo" "requested changes: the bass is late" "approved"
grep -q "Ada Desk" "$WORK/said" && fail "one's own words are in the inbox"
bo inbox --keep --json >"$WORK/said"
[ "$(jq -r '[.events[] | select(.text) | .text] | join("|")' "$WORK/said")" = "let us talk|yes!" ] ||
    fail "Bo's inbox: $(cat "$WORK/said")"
bo inbox >"$WORK/said"
expect_words "$WORK/said" "withdrew the decision: let us talk"
for who in nightbus bo; do
    [ "$($who inbox)" = "nothing new (--all shows what was there)" ] || fail "seen, and there again"
done
bo note add tones@v2 0:01 "click here" -A tones >/dev/null
nightbus inbox --album tones >"$WORK/said"
expect_words "$WORK/said" "tones@v2" "at 0:01.000: click here"
[ "$(nightbus inbox --all -L 2 --json | jq '.events | length')" = 2 ] || fail "-L does not limit"
[ "$(nightbus inbox --since 1h --json | jq '[.events[].person] | unique | join(" ")')" = '"Bo"' ] ||
    fail "--since shows one's own words"
expect_exit 2 nightbus inbox --since yesterday

step "status says what waits for whom"
nightbus status >"$WORK/said"
expect_words "$WORK/said" "the newest" "nothing to push" "WAITS FOR" "mastering: a master of v2"
(cd "$WORK" && bo status) >"$WORK/said"
expect_words "$WORK/said" "album tones" "v2" "approved"
bo request-changes tones@v2 -A tones -m "no" --yes >/dev/null
[ "$(nightbus status --json | jq -r '.songs[0] | [.mix.version, .approved.version, .waits_for] | join(" ")')" = \
    "v2 v1 engineer" ] || fail "$(nightbus status --json)"
nightbus approve tones@v2 --yes >"$WORK/said"
expect_words "$WORK/said" "1 open note: nightbus note list tones@v2"
nightbus note resolve tones#1 >/dev/null
[ "$(nightbus log tones --json | jq '[.revisions[].details[] | .open_notes] | add')" = 0 ] ||
    fail "a resolved note counts as open"

step "what is not rendered cannot be approved"
sed -i 's/fader_db: -4$/fader_db: -5/' songs/tones/mix.yaml
kill -STOP "$(farm_json 'renderer_pids[0]')"
nightbus push -m "softer" --no-wait >/dev/null
expect_exit 1 nightbus approve tones
expect_words "$WORK/err" "tones@v3 is not rendered"
nightbus status >"$WORK/said"
expect_words "$WORK/said" "v2 approved" "farm: rendering v3" "tones@v3"
kill -CONT "$(farm_json 'renderer_pids[0]')"
nightbus fetch tones@v3 -o "$WORK/out" >/dev/null

step "kept after every collection, and fetched as exactly those bytes"
cd "$WORK"
stop_farm
find farm/store/objects -type f -exec touch -d '91 days ago' {} +
python3 - "$sha" <<'PYTHON'
import sqlite3, sys
ledger = sqlite3.connect("farm/ledger.sqlite")
ledger.execute("UPDATE blobs SET pinned_until_ms = 1")
ledger.execute("UPDATE blobs SET kept = 0 WHERE digest = ?", (bytes.fromhex(sys.argv[1]),))
ledger.execute("UPDATE results SET created_ms = created_ms - 91 * 86400000")
ledger.commit()
PYTHON
start_farm --renderers 1 --threads 1
jq --arg key "$WORK/farm/keys/renderer-2.key" '.key = $key' "$NIGHTBUS_FARM" >bo.json
cd ada
wait_for 60 grep -q collection: "$WORK/farm/log/coordinator.log"
[ -e "$WORK/farm/store/objects/${sha:0:2}/${sha:2:2}/$sha" ] || fail "an approved mix was collected"
third=$(nightbus show tones@v3 --json | jq -r '.outputs[] | select(.name == "mix.wav") | .sha256')
[ ! -e "$WORK/farm/store/objects/${third:0:2}/${third:2:2}/$third" ] || fail "nothing was collected"
nightbus fetch tones@v1 -o "$WORK/kept" >"$WORK/said"
expect_words "$WORK/said" "sha256 $sha" "approved by Bo"
[ "$(sha256sum <"$WORK/kept/tones-v1.wav" | cut -d' ' -f1)" = "$sha" ] || fail "other bytes"
ok "approved bytes are there, the others were cleared away"
nightbus fetch tones@v3 -o "$WORK/again" >/dev/null
[ "$(sha256sum <"$WORK/again/tones-v3.wav" | cut -d' ' -f1)" = "$third" ] || fail "not the same again"
ok "and come back as the same bytes"

step "git has it all"
git clone -q "$WORK/farm/albums/tones.git" "$WORK/plain"
git -C "$WORK/plain" fetch -q origin 'refs/notes/*:refs/notes/*'
git -C "$WORK/plain" notes --ref review show "$(nightbus show tones@v1 --json | jq -r .commit)" >"$WORK/said"
expect_words "$WORK/said" '"withdraw"' '"approve"' "let us talk"
