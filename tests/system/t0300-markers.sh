#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Notes go to other programs and come back: what ffmpeg, a MIDI library and Ardour say of our files.
. "$(dirname "$0")/lib.sh"

step "notes on a version"
start_farm --renderers 1
tone_album tones 4 1
cd tones
nightbus album create tones-album
nightbus push -m "first mix" >"$WORK/push"
nightbus note add tones@v1 0:01.5 "vocal up, \"please\""
nightbus note add tones@v1 0:02-0:03.250 "=this bar: übergroß?"
nightbus note add tones@v1 0:00.250 "two
lines"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null
cd "$WORK"
export_to() { (cd "$WORK/tones" && nightbus note export tones@v1 "$@"); }

step "every format is written, and what is read comes back"
for format in reaper-csv rpp audacity ardour midi wav-cue audition csv markdown; do
    export_to --format $format -o "$WORK/notes.$format"
    [ -s "notes.$format" ] || fail "$format is empty"
done
for format in reaper-csv rpp audacity ardour midi wav-cue audition csv; do
    nightbus note import "notes.$format" --format $format --dry-run --json >"$WORK/json"
    jq -e 'length == 3 and (.[0].at_s - 0.25 | fabs) < 0.001 and (.[1].at_s - 1.5 | fabs) < 0.001
        and (.[2].text | endswith("bar: \(if "'$format'" == "midi" then "ubergross?" else "übergroß?" end)"))' \
        "$WORK/json" >/dev/null || {
        cat "$WORK/json"
        fail "$format did not come back"
    }
    [ $format = midi ] || jq -e '(.[2].end_s - 3.25 | fabs) < 0.001' "$WORK/json" >/dev/null ||
        fail "$format lost a region's end"
done
expect_words notes.csv "'=this bar"
expect_words notes.markdown "# Notes on tones@v1" "0:01.500"
ok "nine formats written, eight read"

step "an import adds what is not there, once"
printf '1.5\t1.5\tvocal up, "please"\n3\t3.5\tnew one\n' >labels.txt
printf '0.75\t0.75\tZoë: later\n3.9\t3.9\t\n' >>labels.txt
(cd tones && nightbus note import tones@v1 "$WORK/labels.txt") >said
expect_words said "added 2 notes to tones@v1" "1 there already" "1 without a text"
(cd tones && nightbus note import tones@v1 "$WORK/labels.txt" --json) >said
jq -e '.added == 0 and .there == 3' said >/dev/null || fail "an import twice doubled its notes"
export_to --format csv -o "$WORK/all.csv"
(cd tones && nightbus note import tones@v1 "$WORK/all.csv") >said
expect_words said "added 0 notes" "5 there already"
[ "$(cd tones && nightbus note list tones@v1 --json | jq '.notes | length')" = 5 ] || fail "not 5"
ok "$(cat said)"

step "what is left out keeps the file's own reason"
printf '%s\n' '-1.5	-1.5	before it all' '0.5	0.5	count-in' '2	2	verse' >early.txt
sed -i 's/\\t/\t/g' early.txt
nightbus note import early.txt --format audacity --dry-run --start 1 --json >json 2>err
jq -e 'length == 1 and .[0].at_s == 1' json >/dev/null || fail "$(cat json)"
expect_words err "2 left out: early.txt" "a marker before the start"

step "what is wrong is said"
expect_exit 2 nightbus note import labels.txt
expect_words "$WORK/err" "which version"
expect_exit 1 nightbus note import absent.txt --dry-run
expect_words "$WORK/err" "absent.txt: there is no such file"
expect_exit 2 nightbus note import labels.txt --dry-run --format audcity
expect_words "$WORK/err" "did you mean audacity"
expect_exit 2 env -C tones nightbus note export tones@v1
expect_words "$WORK/err" "--format"
expect_exit 2 env -C tones nightbus note export tones@v1 --format protools
cp notes.ardour piece.ardour
expect_exit 2 env -C tones nightbus note export tones@v1 --session ../piece.ardour -o ../piece.ardour
expect_exit 1 env -C tones nightbus note export tones@v1 --session ../piece.ardour -o ../x.ardour
[ ! -e x.ardour ] || fail "half a session was left"
printf '#,Name,Start\nM1,a,5.1.00\n' >bars.csv
expect_exit 1 nightbus note import bars.csv --dry-run
expect_words "$WORK/err" "line 2" "Minutes:Seconds"
printf '0\t0\tred \033[31m bell \007\n' >escape.txt
nightbus note import escape.txt --dry-run >said
grep -q $'\033\|\007' said && fail "an escape sequence reached the terminal"
ok "clear words"

step "ffmpeg reads our cues as chapters, and the audio is the same"
export_to --session "$WORK/out/tones-v1.wav" --format wav-cue -o "$WORK/cued.wav"
[ "$(pcm_digest out/tones-v1.wav)" = "$(pcm_digest cued.wav)" ] || fail "the audio changed"
ffprobe -v error -show_chapters -of json cued.wav >chapters.json
jq -e '[.chapters[].start_time | tonumber] == [0.25, 0.75, 1.5, 2, 3]
    and .chapters[3].tags.title == "Ada Desk: =this bar: übergroß?"' chapters.json >/dev/null || {
    cat chapters.json
    fail "ffmpeg reads other chapters"
}
[ "$(ffprobe -v error -show_chapters -of json notes.wav-cue | jq -c '[.chapters[].start_time]')" = \
    '["0.250000","1.500000","2.000000"]' ] || fail "ffmpeg reads no cues of a file without a session"
ok "$(jq -c '[.chapters[].tags.title]' chapters.json)"

step "a MIDI library reads our markers"
python=/usr/bin/python3 # Debian's, which has Debian's packages
if $python -c 'import mido' 2>/dev/null; then
    $python - notes.midi <<'PY' || fail "the library reads other markers"
import sys, mido
at, found = 0.0, []
for message in mido.MidiFile(sys.argv[1]):
    at += message.time
    if message.type == 'marker':
        found.append((round(at, 3), message.text))
print("   ", found)
assert [f[0] for f in found] == [0.25, 1.5, 2.0], found
assert found[0][1].endswith("two lines") and found[2][1].endswith("=this bar: ubergross?"), found
PY
else
    echo "   no python3-mido here"
fi

step "Ardour reads our session"
session="$SHARED_DATA/markers/ardour/range-7.3-44100.ardour"
if command -v ardour7-lua >/dev/null && [ -f "$session" ]; then
    mkdir asess
    export_to --session "$session" -o "$WORK/asess/asess.ardour"
    cat >list.lua <<'LUA'
local session = load_session("asess", "asess")
for l in session:locations():list():iter() do
  print("LOCATION", l:start():samples(), l:_end():samples(), l:is_mark(), (l:name():gsub("\n", "|")))
end
close_session()
quit()
LUA
    timeout 120 ardour7-lua list.lua >ardour.out 2>ardour.err || true
    grep LOCATION ardour.out >locations || {
        cat ardour.out ardour.err
        fail "Ardour lists no Locations"
    }
    # In samples at 44.1 kHz; the range is the session's own.
    expect_words locations '441000 529201 false' '11025 11025 true Ada Desk: two|lines' \
        '66150 66150 true Ada Desk: vocal up, "please"' \
        '88200 143325 false Ada Desk: =this bar: übergroß?' '33075 33075 true Ada Desk: Zoë'
    [ "$(wc -l <locations)" = 6 ] || fail "Ardour lists other Locations"
    ok "$(wc -l <locations) Locations at their samples"
else
    echo "   no ardour7-lua, or no session, here"
fi
