#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The tabulator key: commands, options, songs, versions and notes, through bash's own machinery.
. "$(dirname "$0")/lib.sh"

# Words cut as readline cuts them (at '@', '=' and ':' too), then what bash would offer, one a line.
cat >offers.bash <<'BASH'
for file in /usr/share/bash-completion/bash_completion; do [ ! -r $file ] || . $file; done
. "$1"
COMP_WORDBREAKS=$' \t\n"\'@><=;|&(:' # as an interactive bash has them
COMP_LINE=$2
COMP_POINT=${#COMP_LINE}
COMP_WORDS=()
word=
for ((i = 0; i < COMP_POINT; i++)); do
    letter=${COMP_LINE:i:1}
    case $letter in
    " ")
        [ -z "$word" ] || COMP_WORDS+=("$word")
        word=
        ;;
    "@" | "=" | ":")
        [ -z "$word" ] || COMP_WORDS+=("$word")
        COMP_WORDS+=("$letter")
        word=
        ;;
    *) word+=$letter ;;
    esac
done
[ -z "$word" ] || COMP_WORDS+=("$word")
[ "${COMP_LINE: -1}" != " " ] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_nightbus nightbus
printf '%s\n' "${COMPREPLY[@]}"
BASH

# offers LINE WORDS...: exactly these, in any order.
offers() {
    local line=$1 found
    shift
    found=$(bash --norc "$WORK/offers.bash" "$SOURCE/deploy/completion/nightbus.bash" "$line" | sort | tr '\n' ' ')
    [ "$found" = "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" ] || fail "'$line' offers: $found"
    ok "$line -> $found"
}

step "without a farm"
export NIGHTBUS_FARM="$WORK/nobody/farm.json"
offers "nightbus pus" push
offers "nightbus req" request-changes
offers "nightbus note res" resolve
offers "nightbus approve --y" --yes
offers "nightbus note export x --format mi" midi
touch song.wav
offers "nightbus report song.w" song.wav
offers "nightbus show nob@"

step "songs, versions, notes, albums of a farm"
start_farm --renderers 1 --threads 1
tone_album desk 1 1
cd desk
mkdir songs/tide
cp songs/tones/mix.yaml songs/tide/
sed -i 's/\[tones\]/[tones, tide]/' album.yaml
nightbus album create night >/dev/null
nightbus push -m "first" >/dev/null
nightbus note add tones@v1 0:00.5 "click" >/dev/null
nightbus note add tones@v1 0:00.7 "clack" >/dev/null
offers "nightbus log t" tones tide
offers "nightbus show to" tones@
offers "nightbus approve -m yes tid" tide@
sed -i 's/fader_db: -1$/fader_db: -4/' songs/tones/mix.yaml
nightbus push -m "second" >/dev/null
# bash has "tones@" on the line already, and goes on behind it.
offers "nightbus show tones@" v1 v2
offers "nightbus fetch tones@a" approved
offers "nightbus diff tones@v1 tones@v2" v2
offers "nightbus note reply to" tones#
offers "nightbus note resolve tones#" "tones#1" "tones#2"
cd "$WORK"
offers "nightbus log --album night ti" tide
offers "nightbus show --album ni" night
offers "nightbus album clone " night

step "a real terminal"
command -v tmux >/dev/null || skip "tmux is not installed"
cat >rc <<RC
PS1='> '
. /usr/share/bash-completion/bash_completion
. $SOURCE/deploy/completion/nightbus.bash
cd $WORK/desk
RC
screen() { tmux -L "$TEST_NAME.$$" "$@"; }
shows() { [[ $(screen capture-pane -p) == *"$1"* ]]; }
gone() { ! shows "$1"; }
screen -f /dev/null new-session -d -x 100 -y 20 "bash --rcfile $WORK/rc -i" 2>"$WORK/tmux" ||
    skip "no terminal here: $(cat "$WORK/tmux")"
at_end="screen kill-server"
wait_for 60 shows ">"
screen send-keys "nightbus sho" Tab
wait_for 60 shows "nightbus show"
screen send-keys "tid" Tab
wait_for 60 shows "nightbus show tide@"
screen send-keys "v" Tab
wait_for 60 shows "nightbus show tide@v1"
screen send-keys Enter
wait_for 60 shows "pushed by"
ok "typed with the tabulator, it runs"

step "zsh offers the same, and says what each is"
command -v zsh >/dev/null || skip "zsh is not installed"
mkdir "$WORK/zsh"
cat >"$WORK/zsh/.zshrc" <<RC
PROMPT='%# '
fpath=($SOURCE/deploy/completion \$fpath)
autoload -U compinit
compinit -u -d $WORK/zsh/dump
cd $WORK/desk
print ready
RC
screen new-window "ZDOTDIR=$WORK/zsh zsh -d -i"
wait_for 60 shows "ready"
screen send-keys "nightbus sho" Tab
wait_for 60 shows "nightbus show"
screen send-keys "tid" Tab
wait_for 60 shows "nightbus show tide@"
screen send-keys "v" Tab
wait_for 60 shows "nightbus show tide@v1"
screen send-keys Enter
wait_for 60 shows "pushed by"
screen send-keys "clear" Enter
wait_for 60 gone "pushed by"
screen send-keys "nightbus note resolve tones#" Tab Tab
wait_for 60 shows "-- open 0:00.700: clack"
shows "-- open 0:00.500: click" || fail "not each is explained: $(screen capture-pane -p)"
screen kill-window
ok "in a terminal of its own"

step "long output goes through a pager, and colours only repeat the words"
screen send-keys "clear; NIGHTBUS_PAGER='sed s/^/PAGED:/' nightbus log" Enter
wait_for 60 shows "PAGED:REVISION"
screen send-keys "clear; NIGHTBUS_PAGER='sed s/^/PAGED:/' nightbus log --no-pager; echo \$((6 * 7))" Enter
wait_for 60 shows "42"
shows "PAGED" && fail "--no-pager pages"
nightbus log --album night >"$WORK/plain"
grep -q $'\033' "$WORK/plain" && fail "colours in a file"
screen send-keys "clear; NIGHTBUS_PAGER='head -1' nightbus log; echo ended \$?" Enter
wait_for 60 shows "ended 0"
ok "whoever closes the pager early has seen enough"
