#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Audio that was made elsewhere: a print becomes a version, a mix goes to a second room and comes back
# as a master that stays bound to it, and whole albums are fetched with sums that sha256sum checks.
. "$(dirname "$0")/lib.sh"

# song FILE SEED [SOX-EFFECTS]: 8 s of stereo that no other seed gives.
song() {
    local file=$1 seed=$2
    shift 2
    sox -n -r 48000 -c 1 "seed-$seed.wav" synth 8 pinknoise synth 8 sine amod "$seed.37" gain -9 2>/dev/null
    sox "seed-$seed.wav" -c 2 -b 24 "$file" "$@" 2>/dev/null
}
head_of() { git -C "$WORK/farm/albums/demo.git" rev-parse main; }
refuse() { # refuse CODE WORDS COMMAND...: ended with that code, said those words, and pushed nothing
    local code=$1 words=$2 before
    shift 2
    before=$(head_of)
    expect_exit "$code" "$@"
    expect_words "$WORK/err" "$words"
    [ "$(head_of)" = "$before" ] || fail "something was pushed by: $*"
}

# mia COMMAND...: nightbus as the mastering engineer, who has a key and home of her own.
mia() {
    env -u NIGHTBUS_FARM HOME="$WORK/mia" XDG_STATE_HOME="$WORK/mia/state" \
        XDG_CONFIG_HOME="$WORK/mia/config" XDG_CACHE_HOME="$WORK/mia/cache" nightbus "$@"
}

step "a mix document makes v1"
mkdir -p album/songs/tones album/audio
song album/audio/t.wav 3
cat >album/album.yaml <<YAML
format: nightbus-album/1
title: Tones
songs: [tones]
YAML
cat >album/songs/tones/mix.yaml <<YAML
format: nightbus-mix/1
title: Tones
rate_hz: 48000
tracks:
  - id: t
    clips:
      - {id: c, file: audio/t.wav, at: 0}
    fader_db: -6
alternates:
  - {id: quiet, offset_db: {t: -12}}
YAML
start_farm --transfer
(cd album && nightbus album create demo >/dev/null && nightbus push -m first >/dev/null)

step "a print is a version: the bytes that were pushed, measured by a renderer"
sox album/audio/t.wav -b 24 plain.wav gain -3
ffmpeg -v error -i plain.wav -write_bext 1 -metadata description="Night v2 from the console" \
    -metadata originator="Desk" -metadata time_reference=172800000 -c:a pcm_s24le "bounce v2.wav"
(cd album && nightbus push --print "../bounce v2.wav" tones -m "from the console") >said
expect_words said "tones@v2" "starts at 1:00:00.000 in its session" "Night v2 from the console"
sum=$(sha256sum <"bounce v2.wav" | cut -d' ' -f1)
nightbus -A demo show tones@v2 --json >show.json
[ "$(jq -r '.outputs[] | select(.name == "mix.wav").sha256' show.json)" = "$sum" ] || fail "other bytes"
[ "$(jq -r '.source, .starts_at_frame' show.json | xargs)" = "print 172800000" ] || fail "$(cat show.json)"
nightbus -A demo fetch tones@v2 -o fetched >/dev/null
cmp "bounce v2.wav" fetched/tones-v2.wav || fail "the print was touched"
ffprobe -v error -show_entries format_tags fetched/tones-v2.wav >tags
expect_words tags "comment=Night v2 from the console" "time_reference=172800000"
nightbus -A demo report tones@v2 --json >report.json
[ "$(jq -r '.file.bext | .description, .originator, .time_reference_frame' report.json | xargs)" = \
    "Night v2 from the console Desk 172800000" ] || fail "the report lost the broadcast fields"
[ -f "album/songs/tones/print/bounce v2.wav" ] || fail "the working folder has no print"
(cd album && nightbus status) >said
expect_words said "the newest" "nothing to push"
expect_words album/songs/tones/print.yaml 'title: "Tones"' "starts_at_frame: 172800000"
ok "sha256 $sum, BWF fields kept"

step "a print is compared by what was measured"
nightbus -A demo diff tones@v1 tones@v2 >said
expect_words said "tones@v2 is a print" "Measured" "integrated" "true peak"
nightbus -A demo diff tones@v1 tones@v2 --json >diff.json
[ "$(jq -c '[.before_source, .after_source, .sound, (.changes | length)]' diff.json)" = \
    '["mix","print",true,0]' ] || fail "$(cat diff.json)"
[ "$(jq '.measured.integrated_lufs | .new - .old > 2.9 and .new - .old < 3.1' diff.json)" = true ] ||
    fail "the print is 3 dB louder: $(jq -c .measured.integrated_lufs diff.json)"

step "another rate is taken with a word; what is no stereo mix is refused"
sox plain.wav -r 44100 other-rate.flac rate -v
(cd album && nightbus push --print ../other-rate.flac tones -m "at 44.1") >said
expect_words said "runs at 44100 Hz, tones@v2 at 48000" "tones@v3"
sox -n -r 48000 -c 1 mono.wav synth 1 sine 440
sox -n -r 48000 -c 6 six.wav synth 1 sine 440
: >empty.wav
head -c 5000 plain.wav >cut.wav
echo "no audio" >text.wav
sox -n -r 48000 -c 2 nothing.wav trim 0 0
sox -n -r 8000 -c 2 -b 16 long.wav trim 0 1
python3 - <<'PY'
import struct
size = 25 * 3600 * 8000 * 4 # 25 hours, all of it a hole
with open("long.wav", "r+b") as f:
    f.seek(4); f.write(struct.pack("<I", size + 36))
    f.seek(40); f.write(struct.pack("<I", size))
    f.truncate(size + 44)
PY
while read -r file words; do
    refuse 1 "$words" nightbus -A demo push --print "$file" tones -m no
done <<'LIST'
mono.wav has 1 channel
six.wav has 6 channels
empty.wav is empty
cut.wav cut: header says 8.0 s
text.wav is not an audio file
nothing.wav empty or unfinished recording
long.wav over 24 hours
missing.wav No such file
LIST
refuse 3 "has no song tonse" nightbus -A demo push --print plain.wav tonse -m typo
refuse 2 "name the file and its song" nightbus -A demo push --print plain.wav -m no
ok "ten refusals, nothing pushed"

step "back to the document"
rm album/songs/tones/print.yaml
(cd album && nightbus push -m "the document again") >said
expect_words said "tones@v4" "known already"
[ "$(nightbus -A demo show tones@v4 --json | jq -r .source)" = mix ] || fail "still a print"

step "to the second room: the approved mix, untouched, with all that was said"
nightbus -A demo fetch tones@v4 --for mastering -o early >/dev/null
expect_words early/tones-v4-for-mastering/APPROVAL.txt "NOT APPROVED"
nightbus -A demo note add tones@v4 0:02 "a little less air here?" >/dev/null
nightbus -A demo approve tones@v4 -m $'to mastering\n\nas it is' >/dev/null
mkdir mia
mia join "$(nightbus invite -A demo --role mastering --name mia --json | jq -r .link)" >/dev/null
mia -A demo fetch tones@approved --for mastering -o room >said
room=room/tones-v4-for-mastering
sum=$(nightbus -A demo show tones@v4 --json | jq -r .sha256)
expect_words said "$sum" "APPROVED by"
expect_words $room/APPROVAL.txt "APPROVED by" "these very bytes: sha256 $sum" "submit-master tones@v4"
for indent in "  " "    "; do # as it stands, and in the history
    grep -A2 "^$indent\"to mastering\$" $room/APPROVAL.txt | grep -c "^$indent as it is\"\$" >lines || true
    [ "$(cat lines)" -eq 1 ] || fail "not line under line: $(cat $room/APPROVAL.txt)"
done
[ "$(sha256sum <$room/tones-v4.wav | cut -d' ' -f1)" = "$sum" ] || fail "the mix was touched"
expect_words $room/tones-v4.notes.md "less air"
expect_words $room/tones-v4.markers-reaper.csv "less air"
[ -s $room/alternates/tones-v4-quiet.wav ] || fail "no alternate"
(cd $room && sha256sum --quiet -c SHA256SUMS) || fail "the sums are wrong"
[ "$(wc -l <$room/SHA256SUMS)" -eq "$(find $room -type f ! -name SHA256SUMS | wc -l)" ] || fail "not all are summed"

step "what is no master of that mix is asked about"
sox $room/tones-v4.wav -b 24 master.wav gain 4 trim 0.25
sox $room/tones-v4.wav -b 24 short.wav trim 0 3
sox -n -r 48000 -c 2 -b 24 silent.wav trim 0 8
song wrong.wav 5 gain 0
refuse 3 "SubmitPrint takes a role" mia -A demo push --print master.wav tones -m no
refuse 3 "does not hold the music of v4" mia -A demo submit-master tones@v4 wrong.wav
refuse 3 "s shorter than v4" nightbus -A demo submit-master tones@v4 short.wav
refuse 3 "the file is silent" nightbus -A demo submit-master tones@v4 silent.wav
refuse 3 "wrong.wav: it does not hold" nightbus -A demo submit-master tones@v4 master.wav wrong.wav
refuse 1 "mono.wav: has 1 channel" nightbus -A demo submit-master tones@v4 mono.wav
refuse 1 "no tones@v9" nightbus -A demo submit-master tones@v9 master.wav
refuse 2 "a master is made of a mix" nightbus -A demo submit-master tones@m1 master.wav

step "a master of v4"
sox master.wav -b 16 -r 44100 "tones 16-44.flac" rate -v
mia -A demo submit-master tones@v4 master.wav "tones 16-44.flac" -m $'louder, trimmed\nat \tboth ends' >said
expect_words said "tones@m1" "holds the music of v4" "0.2500 s earlier" "+4.0"
nightbus -A demo report tones@m1 --json | jq -c '.comparison | [.mix, .matches, .steady, .inverted,
    (.offset_s * 10000 | round), ((.after.integrated_lufs - .before.integrated_lufs) * 10 | round)]' >compared
[ "$(cat compared)" = '["v4",true,true,false,-2500,40]' ] || fail "$(cat compared)"
git -C farm/albums/demo.git tag -l --format='%(contents)' tones/m1 >trailers
expect_words trailers "louder, trimmed" "Source: master" "Mix-Version: v4" "Mix-Digest: $sum"
nightbus -A demo note add tones@m1 0:01 "good" >/dev/null
nightbus -A demo approve tones@m1 >/dev/null
[ "$(nightbus -A demo show tones@m1 --json | jq -r '[.person, .standing, .mix, .left_behind] | @text')" = \
    '["mia","approved","v4",false]' ] || fail "$(nightbus -A demo show tones@m1)"

step "the mix moves on: m1 is of v4, and says so"
(cd album && nightbus pull >/dev/null && sed -i 's/fader_db: -6/fader_db: -5/' songs/tones/mix.yaml &&
    nightbus push -m "up" >/dev/null)
nightbus -A demo show tones@m1 >said
expect_words said "v4; the mix has moved on to v5" "  message      louder, trimmed" \
    "               at  both ends"
[ "$(nightbus -A demo show tones@m1 --json | jq .left_behind)" = true ] || fail "not left behind"
nightbus -A demo log tones >said
expect_words said "of v4, behind" "print; open"
(cd album && nightbus status) >said
expect_words said "v4"

step "whole albums, what is there is not fetched again"
nightbus fetch demo --approved -o out >/dev/null
nightbus fetch demo --masters -o out >said
expect_words said "tones@m1 is of v4; the mix is at v5"
for folder in out/demo-approved out/demo-masters; do
    (cd $folder && sha256sum --quiet -c SHA256SUMS) || fail "$folder: the sums are wrong"
done
cmp master.wav out/demo-masters/tones-m1.wav || fail "the master was touched"
cmp "tones 16-44.flac" "out/demo-masters/tones-m1-tones 16-44.flac" || fail "its second file was touched"
[ "$(sha256sum <out/demo-approved/tones-v4.wav | cut -d' ' -f1)" = "$sum" ] || fail "not the approved bytes"
head -c 300000 master.wav >out/demo-masters/tones-m1.wav.part # as a transfer that was cut leaves it
rm out/demo-masters/tones-m1.wav
printf x | dd of="out/demo-masters/tones-m1-tones 16-44.flac" bs=1 seek=100 conv=notrunc 2>/dev/null
nightbus fetch demo --masters -o out --json >fetch.json
[ "$(jq -c '[.files[] | select(.was_here).file]' fetch.json)" = '["tones-m1.report.json"]' ] || fail "$(cat fetch.json)"
(cd out/demo-masters && sha256sum --quiet -c SHA256SUMS) || fail "not whole after a cut"
[ ! -e out/demo-masters/tones-m1.wav.part ] || fail "a part is left"
nightbus fetch demo --masters -o out --json >fetch.json
[ "$(jq '[.files[].was_here] | all' fetch.json)" = true ] || fail "fetched again: $(cat fetch.json)"

step "an option that would do nothing is refused"
while read -r options; do
    # shellcheck disable=SC2086 # words
    expect_exit 2 nightbus fetch demo $options -o out
done <<'LIST'
--approved --stems
--masters --alternates
--approved --alternate quiet
--approved --masters
--for mastering --masters
LIST
refuse 2 "does not go with --for" nightbus -A demo fetch tones@v4 --for mastering --stems
refuse 2 "a print is one file" nightbus -A demo push --print plain.wav tones -m no --stems

step "who means it says --yes"
nightbus -A demo submit-master tones@v5 short.wav --yes -m "the radio edit" >said 2>&1
expect_words said "tones@m2" "tones@v5 is not approved"
ok "m2"

step "a print and a master say all about themselves without waiting for the farm"
cp "bounce v2.wav" wild.wav # frame 2^64 - 1 since midnight is in no session
bext=$(grep -abo bext wild.wav | head -1 | cut -d: -f1)
printf '\377\377\377\377\377\377\377\377' |
    dd of=wild.wav bs=1 seek=$((bext + 8 + 338)) conv=notrunc 2>/dev/null
mkdir room2
(cd room2 && nightbus album create elsewhere >/dev/null)
nightbus -A elsewhere push --print wild.wav wild -ym "wild" --no-wait >said
expect_words said "time reference (frame 18446744073709551615)" "starts at 0:00.000 in its session" \
    "its audio is the file itself: sha256 $(sha256sum <wild.wav | head -c 16)"
nightbus -A elsewhere push --print wild.wav wild2 -ym "wild" --json >push.json
nightbus -A elsewhere show wild2 --json >show.json
[ "$(jq .starts_at_frame push.json show.json | xargs)" = "0 0" ] || fail "told is not what was kept"
sox short.wav -b 24 third.wav gain -1
printf 'a third\n\nfrom a pipe' |
    nightbus -A demo submit-master tones@v5 third.wav -y -F - --no-wait >said
expect_words said "tones@m3" "holds the music of v5"
[ "$(nightbus -A demo show tones@m3 --json | jq -r .message)" = $'a third\n\nfrom a pipe' ] ||
    fail "not the message of the pipe"
refuse 2 "twice" nightbus -A demo submit-master tones@v5 short.wav -y -m one -F two

step "a path is no way to a terminal either"
esc=$'out\e[31m'
{
    nightbus -A demo fetch tones@v4 -o "$esc"
    nightbus fetch demo --approved -o "$esc"
    nightbus -A demo note export tones@v4 --format csv -o "$esc/notes.csv"
    nightbus album clone demo "$esc/clone"
} >said
grep -c $'\e' said >raw || true
expect_words said "out?[31m/tones-v4.wav" "out?[31m/demo-approved/" "in out?[31m/notes.csv" "out?[31m/clone: "
[ "$(cat raw)" -eq 0 ] || fail "escapes reach the terminal: $(cat -v said)"

step "jobs of one album, whatever the others did since"
nightbus jobs --album elsewhere -L 1 --json >jobs.json # the newest job of all is demo's
[ "$(jq -r '.jobs[] | .album + "/" + .song' jobs.json)" = elsewhere/wild2 ] || fail "$(cat jobs.json)"
expect_exit 1 nightbus jobs --album nowhere
expect_words err "no album 'nowhere'"
