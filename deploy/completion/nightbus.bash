# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Completion of the `nightbus` command for bash: commands, options, songs, versions, notes, albums,
# jobs, renderers. Source it from ~/.bashrc, or let cmake install it. What can stand where says the
# program itself (`nightbus __complete`), so that this file knows no command.

_nightbus() {
    local cur words cword
    # bash cuts words at '@', '=' and ':'; versions and addresses have them.
    if ! _get_comp_words_by_ref -n "@=:" cur words cword 2>/dev/null; then
        local line=${COMP_LINE:0:COMP_POINT}
        read -ra words <<<"$line"
        [[ $line == *" " ]] && words+=("")
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
    fi
    COMPREPLY=()
    local candidate files=no open=no
    while IFS=$'\t' read -r candidate _; do
        case $candidate in
        :files) files=yes ;;
        *[@#]) open=yes COMPREPLY+=("$candidate") ;; # goes on: night@v3
        *) COMPREPLY+=("$candidate") ;;
        esac
    done < <("$1" __complete "${words[@]:1:cword}" 2>/dev/null)

    [[ $open == no ]] || compopt -o nospace 2>/dev/null
    # What stands before the last '@' is there already where bash cuts words at it.
    if [[ $cur == *@* && $COMP_WORDBREAKS == *@* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${cur%@*}@"}")
    fi
    if [[ $files == yes ]]; then
        local -a paths
        mapfile -t paths < <(compgen -f -- "$cur")
        COMPREPLY+=("${paths[@]}")
        compopt -o filenames 2>/dev/null
    fi
    return 0
}

complete -F _nightbus nightbus
