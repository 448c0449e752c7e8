#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Notes from the first word to the last: answered, changed, resolved, followed from version to
# version, taken back, erased; and all of it in a plain clone.
. "$(dirname "$0")/lib.sh"

# note NUMBER EXPRESSION: of tones, as JSON.
note() { nightbus note list tones --all-versions --json | jq -r ".notes[] | select(.number == $1) | $2"; }

step "a farm that two people know, and a song with two tracks and a tempo map"
start_farm --renderers 2 --threads 1
stop_farm
jq '(.[] | select(.name == "renderer-2")) |= (.name = "Bo" | .roles = ["artist"] | .local = false)' \
    farm/keys/trusted.json >trusted.json
cp trusted.json farm/keys/trusted.json
start_farm --renderers 1 --threads 1
jq --arg key "$WORK/farm/keys/renderer-2.key" '.key = $key' "$NIGHTBUS_FARM" >bo.json
bo() { nightbus "$@" --farm "$WORK/bo.json" -A tones-album; }
tone_album tones 4 2
cd tones
sed -i 's/^rate_hz: 48000/rate_hz: 48000\ntempo:\n  - {at: 0, bpm: 120}/' songs/tones/mix.yaml
nightbus album create tones-album
nightbus push -m "first mix" >"$WORK/push"

step "notes at times, regions and bars, from words, files and the editor"
nightbus note add tones@v1 0:01.5 "vocal up" >"$WORK/said"
expect_words "$WORK/said" "tones#1 on tones@v1 at 0:01.500"
nightbus note add tones@v1 "bar 2-2|3" "this bar drags" --track t1 >"$WORK/said"
expect_words "$WORK/said" "tones#2" "at 0:02.000-0:03.000"
printf 'two\nlines\n' | nightbus note add tones@v1 0.25 -F - >/dev/null
# shellcheck disable=SC2016 # the editor's own $1
printf '#!/bin/sh\necho "from the editor" >"$1"\n' >"$WORK/editor"
chmod +x "$WORK/editor"
NIGHTBUS_EDITOR="$WORK/editor" nightbus note add tones@v1 3 >/dev/null
[ "$(note 2 .at_frame)" = 96000 ] || fail "bar 2 is not at frame 96000"
[ "$(note 2 .track)" = t1 ] || fail "the track is not kept"
[ "$(note 3 .text)" = "$(printf 'two\nlines')" ] || fail "lines are not kept"
[ "$(note 4 .text)" = "from the editor" ] || fail "the editor's words are not kept"
heard=$(nightbus show tones@v1 --json | jq -r '.outputs[] | select(.name == "mix.wav") | .sha256')
[ "$(note 1 .heard)" = "$heard" ] || fail "it does not say what was heard"
nightbus note list tones@v1 >"$WORK/said"
cat "$WORK/said"
[ "$(awk 'NR > 1 {print $1}' "$WORK/said" | grep '#' | tr -d '\n')" = "#3#1#2#4" ] || fail "not by time"
ok "four notes"

step "answered, changed, resolved, opened again"
nightbus note reply tones#1 "by how much?" >"$WORK/said"
expect_words "$WORK/said" "replied to tones#1" "0:01.500" "vocal up"
nightbus note reply tones 1 "a dB" >/dev/null
nightbus note edit tones#1 "vocal up 1 dB" >/dev/null
NIGHTBUS_EDITOR="sed -i s/dB/dB,please/" nightbus note edit tones '#1' >/dev/null
nightbus note edit tones#1.2 "one dB" >/dev/null
[ "$(note 1 .text)" = "vocal up 1 dB,please" ] || fail "the edit is not there: $(note 1 .text)"
[ "$(note 1 '.replies[1].text')" = "one dB" ] || fail "the reply's edit is not there"
nightbus note resolve tones#3 >/dev/null
expect_exit 3 nightbus note resolve tones#3
expect_words "$WORK/err" "resolved already" "v1"
nightbus note reopen tones#3 >/dev/null
expect_exit 3 nightbus note reopen tones#3
nightbus note resolve tones#3 >/dev/null
[ "$(note 3 .state)" = resolved ] || fail "not resolved"
nightbus note list tones --state open --json | jq -e '.notes | length == 3' >/dev/null || fail "not 3 open"
nightbus note list tones --author "ADA DESK" --track t1 --json >"$WORK/said"
jq -e '[.notes[].number] == [2]' "$WORK/said" >/dev/null || fail "not the one note of Ada's on t1"
nightbus note list tones --author bo --json | jq -e '.notes == []' >/dev/null || fail "Bo wrote none"
nightbus note log tones#1 >"$WORK/said"
expect_words "$WORK/said" "noted: vocal up" "replied: by how much?" "changed to: vocal up 1 dB" "#1.2"
expect_exit 1 nightbus note add tones@v1 0:01 $'red\e[31m'
expect_words "$WORK/err" "the note has a control character at byte 4"
expect_exit 2 nightbus note add tones@v1 0:01 no quotes
expect_words "$WORK/err" "a text goes in quotes"
expect_exit 2 nightbus note
expect_words "$WORK/err" "note what? add, " "resolve"
for words in "tones#1 again" "tones@v1"; do
    # shellcheck disable=SC2086 # words
    expect_exit 2 nightbus note log $words
done
expect_words "$WORK/err" "nightbus note log tones"
expect_exit 2 nightbus log tones@v1
expect_words "$WORK/err" "nightbus show tones@v1"
ok "eight changes"

step "everybody answers and settles; words are changed by who said them, and erased by owners"
bo note reply tones#2 "which bar?" >/dev/null
expect_exit 3 bo note edit tones#2 "mine now"
expect_words "$WORK/err" "Ada Desk's" "nobody else can edit it"
expect_exit 3 bo note delete tones#2
expect_exit 3 bo note erase tones#2.1
expect_exit 3 nightbus note edit tones#2.1 "an owner's words"
expect_words "$WORK/err" "tones#2.1 is Bo's"
bo note resolve tones#4 >/dev/null
bo note reopen tones#4 >/dev/null
bo note edit tones#2.1 "which beat?" >/dev/null
[ "$(note 2 '.replies[0] | .person + ": " + .text')" = "Bo: which beat?" ] || fail "Bo's words"
[ "$(note 2 .text)" = "this bar drags" ] || fail "the words were changed"
ok "four refusals"

step "open notes come to the next version; what the message fixes does not"
sed -i 's/at: 0}$/at: 0.5}/; s/^    fader_db: -1$/    fader_db: -2/' songs/tones/mix.yaml
nightbus push -m "Later, and quieter. Fixes #1, #99" >"$WORK/push" 2>&1
expect_words "$WORK/push" "fixes tones#1" "tones#2" "this bar drags" "#99"
[ "$(note 1 .state)" = resolved ] || fail "the push does not fix it"
[ "$(note 1 .changed_in)" = v2 ] || fail "not in v2"
nightbus note list tones@v2 --json >"$WORK/said"
jq -e '[.notes[].number] == [1, 2, 4]' "$WORK/said" >/dev/null || { cat "$WORK/said"; fail "not 1, 2, 4"; }
jq -e '.notes[1] | .at_frame == 120000 and .drift == "moved" and .version == "v1"' "$WORK/said" >/dev/null ||
    { cat "$WORK/said"; fail "it did not move with its clip"; }
nightbus note list tones@v2 >"$WORK/said"
expect_words "$WORK/said" "from v1" "moved along" "0:02.500-0:03.500"
[ "$(nightbus note list tones@v1 --json | jq '.notes[] | select(.number == 2) | .at_frame')" = 96000 ] ||
    fail "it moved in v1 too"
nightbus diff tones@v1 tones@v2 >"$WORK/said"
expect_words "$WORK/said" "answers tones#1 at 0:01.500" "vocal up 1 dB,please"
nightbus diff tones@v1 tones@v2 --json | jq -e '[.notes[].number] == [1]' >/dev/null || fail "diff's JSON"
sed -i '0,/at: 0.5}/s//at: 0.75}/' songs/tones/mix.yaml
nightbus push -m "one track later" >"$WORK/push"
nightbus note list tones --json >"$WORK/said"
jq -e '[.notes[].number] == [2, 4] and .notes[0].at_frame == 132000 and .notes[0].drift == "moved"
    and .notes[1].drift == "unsure"' "$WORK/said" >/dev/null || { cat "$WORK/said"; fail "not as sure as can be"; }
nightbus note reopen tones#1 >/dev/null
nightbus note list tones@v3 --json | jq -e '.notes[] | select(.number == 1) | .drift == "unsure"' >/dev/null ||
    fail "a note opened again is not where it belongs"
ok "from v1 to v3"

step "other programs get numbers, states, tracks and replies, and give nothing back twice"
nightbus note export tones@v1 --format csv >"$WORK/notes.csv"
nightbus note export tones@v1 --format markdown >"$WORK/notes.md"
expect_words "$WORK/notes.csv" "2,0:02.000,0:03.000" "this bar drags (on t1)" "> Bo: which beat?"
grep -qE '^3,0:00.250,.*,resolved,' "$WORK/notes.csv" || fail "the state is not in the table"
expect_words "$WORK/notes.md" "[x]" "[ ]" '\#2 '
nightbus note export tones@v1 --format csv --state resolved >"$WORK/resolved.csv"
grep -q ',open,' "$WORK/resolved.csv" && fail "open ones among the resolved"
expect_exit 2 nightbus note export tones@v1 --format csv --state closed
nightbus note import tones@v1 "$WORK/notes.csv" >"$WORK/said"
expect_words "$WORK/said" "added 0 notes" "4 there already"
ok "a table and a list"

step "what is wrong is said"
expect_exit 1 nightbus note add tones@v1 0:09 "past the end"
expect_words "$WORK/err" "0:09.000 is past the end" "0:04.0"
expect_exit 1 nightbus note add tones@v1 0:01-0:09 "past the end"
expect_exit 1 nightbus note add tones@v9 0:01 "no such version"
expect_exit 1 nightbus note add tunes@v1 0:01 "no such song"
expect_exit 1 nightbus note add tones@v1 0:01 "no such track" --track t9
expect_words "$WORK/err" "no track 't9'" "did you mean"
expect_exit 1 nightbus note resolve tones#77
expect_words "$WORK/err" "tones#77" "every song counts its own"
expect_exit 1 nightbus note edit tones#1.9 "no such reply"
expect_exit 2 nightbus note resolve tones
expect_exit 2 nightbus note resolve tones#1x
expect_exit 2 nightbus note resolve '#1'
expect_exit 1 nightbus note resolve tones@v1#4711
expect_exit 1 nightbus note reply tones@v2#3 "resolved before v2"
expect_words "$WORK/err" "not on v2"
expect_exit 2 nightbus note list tones --state closed
head -c 1000000 /dev/zero | tr '\0' x >"$WORK/large"
expect_exit 1 nightbus note add tones@v1 0:01 -F "$WORK/large"
expect_words "$WORK/err" "8192"
printf 'caf\351' >"$WORK/latin"
expect_exit 1 nightbus note add tones@v1 0:01 -F "$WORK/latin"
expect_words "$WORK/err" "UTF-8"
expect_exit 1 nightbus note add tones@v1 0:01 "$(printf 'red \033[31m')"
expect_words "$WORK/err" "control"
expect_exit 1 nightbus note add tones@v1 0:01 "$(printf 'right to left \342\200\256')"
expect_words "$WORK/err" "text: byte"
grep -q "$(printf '\033')" "$WORK/err" && fail "an escape on the terminal"
sed -i '/^tempo:/,+1d' songs/tones/mix.yaml
nightbus push -m "no tempo" --no-wait >/dev/null
sed -i 's/^    fader_db: -2$/    fader_db: -2.5/' songs/tones/mix.yaml
nightbus push -m "no tempo" >/dev/null
expect_exit 1 nightbus note add tones "bar 2" "which bar?"
expect_words "$WORK/err" "no tempo map"
ok "nineteen mistakes"

step "words taken back, and erased from the record"
nightbus note add tones 0:02 "a secret-1 word" >/dev/null
number=$(nightbus note list tones --json | jq '.notes | map(.number) | max')
nightbus note edit "tones#$number" "a secret-2 word" >/dev/null
nightbus note reply "tones#$number" "what secret-3?" >/dev/null
nightbus note delete "tones#$number.1" >/dev/null
expect_exit 3 nightbus note edit "tones#$number.1" "too late"
expect_words "$WORK/err" "was deleted"
git -C "$WORK/farm/albums/tones-album.git" gc -q # packs are emptied as well
expect_exit 3 flock --shared "$WORK/farm/backup.lock" nightbus note erase "tones#$number" # as a backup holds it
expect_words "$WORK/err" "a backup is being made"
nightbus note erase "tones#$number" >/dev/null
nightbus note erase "tones#$number.1" >/dev/null
expect_exit 3 nightbus note erase "tones#$number"
nightbus note list tones >"$WORK/said"
expect_words "$WORK/said" "erased by"
album="$WORK/farm/albums/tones-album.git"
git -C "$album" cat-file --batch-all-objects --batch >"$WORK/objects"
grep -q "secret-" "$WORK/objects" && fail "the words are still in the repository"
grep -q "vocal up 1 dB" "$WORK/objects" || fail "other words are gone"
check_repository "$album"
nightbus note add tones 0:02 "the next" >"$WORK/said"
expect_words "$WORK/said" "tones#$((number + 1))"
ok "no secrets"

step "a plain clone has all of it"
git clone -q "$album" "$WORK/clone"
cd "$WORK/clone"
git fetch -q origin refs/notes/review:refs/notes/review
git log --notes=review --format=%N main | grep '"kind"' >"$WORK/events"
git rev-parse -q --verify origin/review >/dev/null || fail "no branch review in the clone"
for kind in note reply edit resolve reopen delete erase follow rendered; do
    expect_words "$WORK/events" "\"kind\":\"$kind\""
done
jq -es 'all(.id and .song and .version)' "$WORK/events" >/dev/null || fail "not one JSON object a line"
ok "$(wc -l <"$WORK/events") events"
