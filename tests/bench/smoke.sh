#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The benchmark's harness on the small song with Nightbus alone: its rows, tables and errors, no times.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"
for tool in python3 jq; do
    command -v "$tool" >/dev/null || skip "$tool is not here"
done
bench=$SOURCE/tests/bench
run=("$bench/run" --bin "$NIGHTBUS_BIN" --data "$WORK/data" --no-install --runs 1)

step "a small run"
"${run[@]}" --workload small --peers decode --json rows.json --picture rows.svg >said 2>err ||
    { cat said err >&2; fail "run ended with $?"; }
jq -e '[.[] | select(.workload == "small")] | length == 2 and
    ([.[].program] == ["nightbus", "decode"]) and
    all(.cpu_s > 0 and .wall_s > 0 and .rss_mb > 0 and .realtime > 0 and .runs == 1 and
        (.machine | length > 0) and (.leaves_out | length > 0))' rows.json >/dev/null ||
    fail "rows.json: $(cat rows.json)"
awk 'length($0) > 80 { print; wide++ } END { exit wide > 0 }' said || fail "the table is wider than 80 columns"
grep -q "<title>Workload 'small'" rows.svg || fail "no picture: $(cat rows.svg)"
ok "$(jq length rows.json) rows"

step "two processors"
"$bench/processors" --bin "$NIGHTBUS_BIN" --json costs.json gain equaliser >said
jq -e 'length == 4 and all(.ns["2"] > 0) and ([.[].program] | unique == ["equaliser", "gain"])' costs.json >/dev/null ||
    fail "costs.json: $(cat costs.json)"
expect_exit 2 "$bench/processors" --bin "$NIGHTBUS_BIN" chorale
expect_words err "no such processor; there are: gain"

step "rows of other workloads stay"
jq '. + [{"workload": "main", "program": "kept"}]' rows.json >more.json
"${run[@]}" --workload small --peers nightbus --json more.json >said 2>err || fail "$(cat err)"
jq -e '[.[] | .program] | contains(["kept", "decode", "nightbus"])' more.json >/dev/null ||
    fail "more.json: $(cat more.json)"

step "the page"
printf '<!-- small: begin -->\nold\n<!-- small: end -->\n<!-- main: begin -->\nstays\n<!-- main: end -->\n' >page.md
"$bench/table" rows.json --page page.md --picture page.svg 2>err
expect_words page.md "| nightbus |" "stays"
if grep -q old page.md; then fail "the old table is still there"; fi

step "the same bytes twice"
"$bench/make-workload" small again --bin "$NIGHTBUS_BIN" >/dev/null
diff -r again/audio data/audio || fail "two makings differ"

step "an absent peer is said and skipped"
mkdir bin
ln -s "$(python3 -c 'import sys; print(sys.executable)')" bin/python3
expect_exit 0 env PATH="$WORK/bin" "${run[@]}" --workload small --peers ecasound --no-check
expect_words err "ecasound is left out: no"

step "wrong usage"
expect_exit 2 "${run[@]}" --workload nothing
expect_words err "'nothing' is no workload; there are: small, main"
expect_exit 2 "${run[@]}" --peers ffmpeg,winamp
expect_words err "'winamp' is no peer; there are: nightbus, ffmpeg"
expect_exit 2 "${run[@]}" --runs 0
expect_words err "'0' is no number over 0"
expect_exit 2 "${run[@]}" --fast
expect_words err "--fast"
echo no json >broken.json
expect_exit 1 "${run[@]}" --workload small --peers nightbus --json broken.json
expect_words err "broken.json is no JSON"
ok "all refused"
