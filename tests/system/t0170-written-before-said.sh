#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Killing processes cannot show a missing fsync: watch the system calls and see each file flushed
# before it takes its name, and the commit flushed before the answer is sent.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip "strace is not here"
strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"

start_farm --renderers 1
tone_album tones 1 2
cd tones
nightbus album create tones-album
coordinator=$(farm_json coordinator_pid)
strace -f -y -s 0 -e trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,sendto,sendmsg,write,pwrite64 \
    -o "$WORK/trace" -p "$coordinator" 2>"$WORK/strace.err" &
tracer=$!
wait_for 60 grep attached "$WORK/strace.err"
nightbus push -m "watched" >/dev/null
nightbus note add tones@v1 0:00.5 "watched too"
kill -INT $tracer
wait $tracer || true
[ -s "$WORK/trace" ] || fail "nothing was traced"

step "each blob and each git object is flushed before it is named"
# Walk the calls: a path renamed into the store or the repository must have been fsynced before.
awk '
    /fsync\(|fdatasync\(/ { if (match($0, /<[^>]*>/)) flushed[substr($0, RSTART + 1, RLENGTH - 2)] = 1 }
    /rename|link/ {
        n = split($0, part, "\""); from = part[2]; to = part[4]
        if (to ~ /\/store\/objects\// || to ~ /\/refs\// ) { seen++; if (!(from in flushed)) { print "not flushed: " from " -> " to; bad++ } }
    }
    END { print seen + 0 " names taken"; exit (bad > 0 || seen < 3) }' "$WORK/trace" >"$WORK/names" ||
    { cat "$WORK/names"; grep -E 'rename|fsync' "$WORK/trace" | head -60; fail "a name was taken before its bytes were flushed"; }
ok "$(tail -1 "$WORK/names")"

step "the ledger is flushed"
grep -qE 'f(data)?sync\([0-9]+<[^>]*ledger\.sqlite' "$WORK/trace" || fail "the ledger was never flushed"
ok "ledger"

step "no answer is handed to the sender between a write of the ledger and its flush"
# The coordinator's own thread wakes ZeroMQ's by an eventfd.
awk -v main="$coordinator" '
    $1 != main { next }
    /pwrite64\([0-9]+<[^>]*ledger\.sqlite-wal>/ { dirty = 1; batches++ }
    /f(data)?sync\([0-9]+<[^>]*ledger\.sqlite-wal>/ { dirty = 0; flushed = 1 }
    /write\([0-9]+<[^>]*eventfd/ { if (dirty) { print "too early: " $0; bad++ } if (flushed) { answers++; flushed = 0 } }
    END { print answers + 0 " answers after a flush"; exit (bad > 0 || answers < 2 || batches < 2) }' "$WORK/trace" >"$WORK/answers" ||
    { cat "$WORK/answers"; fail "an answer was sent before what it says was on disk"; }
ok "$(tail -1 "$WORK/answers")"

step "every kind of yes: what it says is flushed before it is sent"
# watch NAME REF COMMAND...: nothing that the coordinator's thread wrote (ledger, references of git)
# is unflushed when it hands an answer over, and something was written. REF is a reference that must
# have moved, or "-".
watch() {
    local name=$1 ref=$2
    shift 2
    strace -f -y -s 0 -e trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,write,pwrite64 \
        -o "$WORK/trace-$name" -p "$coordinator" 2>"$WORK/strace.err" &
    tracer=$!
    wait_for 60 grep attached "$WORK/strace.err"
    "$@" >"$WORK/said" 2>"$WORK/err" || { cat "$WORK/said" "$WORK/err"; fail "$name: refused"; }
    kill -INT $tracer
    wait $tracer || true
    awk -v main="$coordinator" -v ref="$ref" '
        $1 != main { next }
        /pwrite64\([0-9]+<[^>]*ledger\.sqlite-wal>/ { dirty["ledger"] = 1; writes++ }
        /f(data)?sync\([0-9]+<[^>]*ledger\.sqlite-wal>/ { delete dirty["ledger"]; flushes++ }
        /f(data)?sync\(/ { if (match($0, /<[^>]*>/)) { at = substr($0, RSTART + 1, RLENGTH - 2); flushed[at] = 1; delete dirty[at] } }
        /rename|link/ {
            split($0, part, "\""); from = part[2]; to = part[4]
            if (to ~ /\/refs\//) {
                if (!(from in flushed)) { print "not flushed before it was named: " to; bad++ }
                folder = to; sub(/\/[^\/]*$/, "", folder); dirty[folder] = 1
                if (index(to, ref)) moved++
            }
        }
        /write\([0-9]+<[^>]*eventfd/ { for (what in dirty) { print "said before " what " was flushed"; bad++ } }
        END { print writes + 0 " writes, " flushes + 0 " flushes"
              exit (bad > 0 || flushes < 1 || (ref != "-" && moved < 1)) }' "$WORK/trace-$name" >"$WORK/calls" ||
        { cat "$WORK/calls"; grep -E 'refs|eventfd' "$WORK/trace-$name" | tail -40; fail "$name: said before it was on disk"; }
    ok "$name: $(tail -1 "$WORK/calls")"
}
sed -i 's/threshold_db: -24/threshold_db: -26/' songs/tones/mix.yaml
watch push-and-finish refs/heads/main nightbus push -m "watched again" # waits for the render
watch note refs/notes/review nightbus note add tones@v2 0:00.5 "watched as well"
watch approve refs/notes/review nightbus approve tones@v2
watch node-change - nightbus node drain renderer-1
sed -i 's/threshold_db: -26/threshold_db: -28/' songs/tones/mix.yaml
nightbus push --no-wait -m "nobody renders it" >/dev/null
watch job-change - nightbus priority "$(nightbus jobs --json | jq -r '.jobs[0].job')" 60
watch invite - nightbus invite --role artist -A tones-album
key=$(nightbus keys --json | jq -r '.keys[0].key')
watch key-change - nightbus keys name "$key" "desk"
mkdir "$WORK/other"
cd "$WORK/other"
watch album-create - nightbus album create other-album
