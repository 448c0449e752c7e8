# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Completion of the `nightbus` command for bash. Source it from ~/.bashrc, or install it as
# /usr/share/bash-completion/completions/nightbus.

# Songs of the working folder around the current one: the folders of songs/ that hold a mix document.
_nightbus_songs() {
    local folder=$PWD
    while [[ -n $folder && ! -e $folder/.nightbus/state.json ]]; do folder=${folder%/*}; done
    local document
    for document in "$folder"/songs/*/{mix,print}.yaml; do
        [[ -e $document ]] && basename "$(dirname "$document")"
    done
}

# Versions of a song, from the farm; quiet where it does not answer at once.
_nightbus_versions() {
    local song=$1
    timeout 2 nightbus log "$song" --json 2>/dev/null |
        grep -oE "\"$song@[vm][0-9]+\"" | tr -d '"' | sort -uV
}

_nightbus() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local global="--farm --album --json --help"
    local commands="up album status push pull log show fetch render report compare play diff note submit-master jobs job why cancel retry pause resume priority limit nodes node metrics incidents incident help version"
    COMPREPLY=()
    # bash cuts words at '@' and '=': put them together again.
    _get_comp_words_by_ref -n "@=:" cur prev words cword 2>/dev/null && {
        # shellcheck disable=SC2154 # set by the line above
        current=$cur previous=$prev
    }

    local command="" action="" word i
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in
        --farm | --album | -A) ((i++)) ;;
        -*) ;;
        *) if [[ -z $command ]]; then command=$word; elif [[ -z $action ]]; then action=$word; fi ;;
        esac
    done

    case "$previous" in
    --farm | --file | -F | --print | --data | -d | --output | -o | --session)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --bits)
        mapfile -t COMPREPLY < <(compgen -W "16 24 32f" -- "$current")
        return
        ;;
    --dither)
        mapfile -t COMPREPLY < <(compgen -W "tpdf shaped lipshitz none" -- "$current")
        return
        ;;
    --format)
        mapfile -t COMPREPLY < <(compgen -W "reaper-csv rpp audacity ardour protools midi wav-cue audition csv markdown" -- "$current")
        return
        ;;
    --album | -A)
        mapfile -t COMPREPLY < <(compgen -W "$(timeout 2 nightbus album list --json 2>/dev/null |
            sed -nE 's/.*"album": "([^"]+)".*/\1/p')" -- "$current")
        return
        ;;
    esac

    if [[ $current == -* ]]; then
        local own=""
        case "$command" in
        up) own="--data --renderers --threads --transfer" ;;
        push) own="--message --print --stems --no-wait --yes" ;;
        submit-master) own="--message --no-wait --yes" ;;
        log | jobs) own="--limit" ;;
        fetch) own="--output --for --approved --masters" ;;
        render) own="--output --alternates --alternate --stems --bits --dither --threads --from --to --profile" ;;
        job) own="--follow" ;;
        limit) own="--window --zone --label" ;;
        node) own="--window --zone" ;;
        compare) own="--output --seconds --null" ;;
        play) own="--from --against --seconds" ;;
        diff) own="--stat" ;;
        note)
            case "$action" in
            export) own="--format --output --session --start" ;;
            import) own="--format --dry-run --start" ;;
            esac
            ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$own $global" -- "$current")
        return
    fi

    case "$command" in
    "") mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current") ;;
    help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current") ;;
    incident) [[ -n $action ]] || mapfile -t COMPREPLY < <(compgen -W "keep" -- "$current") ;;
    album) [[ -n $action ]] || mapfile -t COMPREPLY < <(compgen -W "create list clone" -- "$current") ;;
    log) mapfile -t COMPREPLY < <(compgen -W "$(_nightbus_songs)" -- "$current") ;;
    note)
        if [[ -z $action ]]; then
            mapfile -t COMPREPLY < <(compgen -W "add list export import" -- "$current")
        else
            _nightbus_complete_version "$current"
        fi
        ;;
    show | fetch) _nightbus_complete_version "$current" ;;
    report | diff | compare | play | submit-master)
        _nightbus_complete_version "$current"
        local -a files
        mapfile -t files < <(compgen -f -- "$current")
        COMPREPLY+=("${files[@]}")
        ;;
    render) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    esac
}

_nightbus_complete_version() {
    local current=$1
    if [[ $current == *@* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_nightbus_versions "${current%%@*}")" -- "$current")
        # What stands before the '@' is there already where bash cuts words at it.
        if [[ $COMP_WORDBREAKS == *@* ]]; then
            COMPREPLY=("${COMPREPLY[@]#"${current%%@*}@"}")
        fi
    else
        mapfile -t COMPREPLY < <(compgen -W "$(_nightbus_songs)" -- "$current")
    fi
}

complete -o filenames -F _nightbus nightbus
