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
sleep 1
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
