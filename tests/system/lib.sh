# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# What every system test begins with: `. "$(dirname "$0")/lib.sh"`.
#
# Gives the programs on PATH (NIGHTBUS_BIN, which ctest sets), an empty folder $WORK that is also the
# working folder, a home of its own, and these words: step, ok, fail, skip, expect_exit, expect_words,
# wait_for, start_farm, stop_farm, kill_process, check_repository, tone_album. Whatever was started is
# stopped when the test ends, however it ends.
#
# Tests run beside others on busy machines: wait for what is to come, never for a time, and for 60 s.
set -euo pipefail

TEST_NAME=$(basename "$0" .sh)
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NIGHTBUS_BIN=${NIGHTBUS_BIN:-$SOURCE/build/release/bin}
export SHARED_DATA=${NIGHTBUS_SHARED_DATA:-$SOURCE/../shared/data}
export PATH="$NIGHTBUS_BIN:$PATH"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/nightbus-$TEST_NAME.XXXXXX")
export HOME="$WORK/home" XDG_STATE_HOME="$WORK/home/state" XDG_CONFIG_HOME="$WORK/home/config"
mkdir -p "$HOME"
unset NIGHTBUS_FARM NIGHTBUS_KEY
git config --global user.name "Ada Desk"
git config --global user.email "ada@example.org"
git config --global init.defaultBranch main
git config --global safe.directory '*'
cd "$WORK"
farm_pid=
mounted=
at_end= # a command to be given then

# End a process we started: first asked, then made to. `up` gives its own 15 s and more.
end_process() {
    local pid=$1 waited=0
    kill -TERM "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null && [ $waited -lt 600 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# kill_process PID: -9, and wait until it is dead: until then it may write.
kill_process() {
    kill -KILL "$1"
    wait_for 60 is_dead "$1"
}
is_dead() {
    case $(ps -o state= -p "$1") in
    "" | Z*) ;;
    *) return 1 ;;
    esac
}

clean_up() {
    local status=$? pid tries=50
    set +e # whatever can't be cleared away, the test's own outcome counts
    $at_end
    for pid in $(jobs -p); do
        end_process "$pid"
    done
    cd /
    [ -z "$mounted" ] || umount "$mounted"
    if [ $status -ne 0 ] && [ $status -ne 77 ]; then
        for log in "$WORK"/farm*/log/*.log; do
            [ -f "$log" ] && { echo "--- $log"; tail -40 "$log"; }
        done
    fi
    until rm -rf "$WORK" 2>/dev/null || [ $((tries -= 1)) -eq 0 ]; do
        sleep 0.1
    done
    exit $status
}
trap clean_up EXIT

step() { echo "== $*"; }
ok() { echo "   ok: $*"; }
fail() {
    echo "FAIL: $*" >&2
    exit 1
}
skip() {
    echo "SKIP: $*"
    exit 77
}

# expect_exit CODE COMMAND...: run it, keep what it says in $WORK/said and $WORK/err, compare the code.
expect_exit() {
    local wanted=$1 got=0
    shift
    "$@" >"$WORK/said" 2>"$WORK/err" || got=$?
    [ "$got" -eq "$wanted" ] || {
        cat "$WORK/said" "$WORK/err" >&2
        fail "'$*' ended with $got, expected $wanted"
    }
}

# expect_words FILE WORDS...: each must stand in the file.
expect_words() {
    local file=$1 words
    shift
    for words in "$@"; do
        grep -qF -- "$words" "$file" || {
            cat "$file" >&2
            fail "'$words' is not in $(basename "$file")"
        }
    done
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local tenths=$(($1 * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tenths=$((tenths - 1))
        [ $tenths -gt 0 ] || fail "waited too long for: $*"
        sleep 0.1
    done
}

# check_repository DIR: git has nothing to say against it. What lost a race for a reference, or was written
# before a crash, is left behind unnamed: dangling, and harmless.
check_repository() {
    local said
    said=$(git -C "$1" fsck --strict --no-dangling 2>&1) || {
        echo "$said" >&2
        fail "git fsck fails on $1"
    }
    said=$(grep -vE '^(notice|Checking)' <<<"$said") || return 0
    [ -z "$said" ] || fail "git fsck complains of $1: $said"
}

# start_farm [OPTIONS OF up]: a farm in $WORK/farm, waited for; NIGHTBUS_FARM names it.
start_farm() {
    nightbus up --data "$WORK/farm" "$@" >"$WORK/up.out" 2>"$WORK/up.err" &
    farm_pid=$!
    export NIGHTBUS_FARM="$WORK/farm/farm.json"
    local tenths=600
    while [ ! -f "$NIGHTBUS_FARM" ]; do
        kill -0 "$farm_pid" 2>/dev/null || {
            cat "$WORK/up.out" "$WORK/up.err" >&2
            fail "nightbus up ended before it was ready"
        }
        tenths=$((tenths - 1))
        [ $tenths -gt 0 ] || fail "the farm was not ready after 60 s"
        sleep 0.1
    done
}

stop_farm() {
    [ -z "$farm_pid" ] || end_process "$farm_pid"
    farm_pid=
    rm -f "$WORK/farm/farm.json"
}

# One of farm.json's process ids: coordinator_pid, or renderer_pids[0].
farm_json() { jq -r ".$1" "$NIGHTBUS_FARM"; }

# tone_album DIR [SECONDS] [TRACKS] [dear]: an album of one song "tones" with that many stems; a
# dear one takes seconds to render, for tests that have to come in between.
tone_album() {
    local dir=$1 seconds=${2:-4} tracks=${3:-3} dear=${4:-} i
    mkdir -p "$dir/songs/tones" "$dir/audio"
    cat >"$dir/album.yaml" <<YAML
format: nightbus-album/1
title: Tones
artist: A Test
songs: [tones]
YAML
    {
        printf 'format: nightbus-mix/1\ntitle: Tones\nrate_hz: 48000\ntracks:\n'
        for i in $(seq 1 "$tracks"); do
            local channels=$((1 + i % 2)) rate=48000
            [ "$i" -ne 2 ] || rate=44100
            # A plucked string is silent soon, and silence costs nothing.
            local sound="pluck $((110 * i))"
            [ -z "$dear" ] || sound=pinknoise
            # shellcheck disable=SC2086 # words
            sox -R -n -b 24 -r $rate -c $channels "$dir/audio/t$i.wav" \
                synth "$seconds" $sound gain -$((11 + i)) 2>/dev/null
            cat <<YAML
  - id: t$i
    clips:
      - {id: c$i, file: audio/t$i.wav, at: 0}
    inserts:
      - id: eq$i
        processor: equaliser
        bands:
          - {type: high-pass, freq_hz: 60}
          - {type: bell, freq_hz: 1200, gain_db: 3, q: 1.2}
      - {id: comp$i, processor: compressor, threshold_db: -24, ratio: 3}
${dear:+      - {id: hiss$i, processor: noise-reduction, reduction_db: 6\}}
    fader_db: -$i
YAML
        done
        cat <<YAML
mix_bus:
  inserts:
    - {id: limit, processor: limiter, ceiling_dbtp: -1}
YAML
    } >"$dir/songs/tones/mix.yaml"
}

# The digest of a WAV file's samples, whatever its header.
pcm_digest() { sox "$1" -t raw -e floating-point -b 32 - 2>/dev/null | sha256sum | cut -d' ' -f1; }
