#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Strangers flood the port, and peers with a key send what is no message; people are served meanwhile.
. "$(dirname "$0")/lib.sh"

step "a farm, and somebody with a key who means harm"
start_farm --renderers 1
tone_album album 2 2
cd album
nightbus album create night >/dev/null
nightbus push -m "first" >/dev/null
cd ..
address="$(farm_json control)/$(farm_json server_key)"
coordinator=$(farm_json coordinator_pid)
mkdir -p mallory
HOME="$WORK/mallory" nightbus join "$(nightbus invite --role artist -A night --name Mallory 2>/dev/null)" \
    --key "$WORK/mallory/key" >/dev/null
log="$WORK/farm/log/coordinator.log"

memory_mb() { awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$coordinator/status"; }
descriptors() { find "/proc/$coordinator/fd" | wc -l; }
few_descriptors() { [ "$(descriptors)" -lt 200 ]; }
# People ask and are answered.
served() {
    nightbus note add tones@v1 0:01 "$1" -A night >/dev/null || fail "no note was taken: $1"
    nightbus fetch tones@v1 -A night -o "$WORK/out" >/dev/null || fail "nothing was fetched: $1"
    kill -0 "$coordinator" || fail "the coordinator ended: $1"
}
served "before"

step "half-open connections: so many of one address, and not for long"
stranger half "$address" 1500 >half.out & # fewer than may be made at once
half=$!
served "while half-open connections come"
wait $half
cat half.out
read -r _ first _ last <half.out
[ "${first%,}" -le 1024 ] || fail "$first half-open connections of one address were kept"
[ "$last" -eq 0 ] || fail "$last half-open connections stay open"
if [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 4096 ]; then
    expect_words "$log" "too many half-open connections from there; turned away"
fi
wait_for 60 few_descriptors
ok "half-open connections are bounded, and closed in time"

step "handshake floods: rubbish and unknown keys at once"
stranger flood "$address" 3 >flood.out &
flood=$!
stranger knock "$address" 3 >knock.out &
knock=$!
served "while strangers flood"
served "and again"
wait $flood
wait $knock
served "after the flood"
cat flood.out knock.out
wait_for 60 few_descriptors
ok "people were served meanwhile"

step "a known key sends what is no message"
stranger rubbish "$address" mallory/key
served "after rubbish"
grep -q "bad messages in a minute" "$log" || fail "nobody counted the rubbish"
[ "$(memory_mb)" -lt 500 ] || fail "the coordinator took $(memory_mb) MB"
ok "it is ignored; $(memory_mb) MB of memory at most until now"

step "a routing id is nobody's identity"
stranger steal "$address" "$(farm_json key)" mallory/key
served "at the end"
[ "$(farm_json coordinator_pid)" -eq "$coordinator" ] || fail "the coordinator was started again"
