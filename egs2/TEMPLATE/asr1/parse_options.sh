# Sourced. Options of a script: the variables between "# Options" and "# End of options", one `name=value  # help` per line.
# shellcheck shell=bash

say() { echo "$(date '+%Y-%m-%d %H:%M:%S') ${0##*/}: $*" >&2; }

die() {
    say "$*"
    exit 2
}

option_lines() { sed -n '/^# Options/,$p; /^# End of options/q' "$0"; }

show_help() {
    echo "usage: ${0##*/} [--name value ...]"
    option_lines | sed -n 's/^# \(.*\)/\n\1/; /^# End/!s/^\([a-z_0-9]*=\)/  --\1/; /End of options/!p'
}

parse_options() { # parse_options "$@": set the variables that the options name
    local name
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help)
                show_help
                exit 0
                ;;
            --*=*)
                name=${1%%=*}
                set -- "$name" "${1#*=}" "${@:2}"
                ;;
            --*) ;;
            *) die "expected --name value, found '$1' (--help lists the options)" ;;
        esac
        name=${1#--}
        name=${name//-/_}
        option_lines | grep "^$name=" >/dev/null || die "unknown option $1 (--help lists the options)"
        [ $# -gt 1 ] || die "expected a value behind $1, found none"
        printf -v "$name" '%s' "$2"
        shift 2
    done
}

require_numbers() { # require_numbers NAME ...: exit with a message unless these options are integers
    local name
    for name; do
        [[ ${!name} =~ ^[0-9]+$ ]] || die "--$name: expected a whole number, found '${!name}'"
    done
}

require_files() { # require_files NAME ...: exit with a message unless these options name files
    local name
    for name; do
        [ -f "${!name}" ] || die "--$name: expected a file, found no file '${!name}'"
    done
}

require_words() { # require_words NAME ...: exit with a message if these options contain spaces
    local name
    for name; do
        [[ ${!name} != *[[:space:]]* ]] || die "--$name: expected no blanks, found '${!name}'"
    done
}

require_one_of() { # require_one_of NAME VALUE ...: exit with a message unless the option has one of the values
    local name=$1 value
    shift
    for value; do
        if [ "${!name}" = "$value" ]; then return; fi
    done
    die "--$name: expected one of $*, found '${!name}'"
}

runs() { # runs K NAME: whether stage K is to run; logs its name
    # shellcheck disable=SC2154  # stage, stop_stage and skip_stages are options of the script
    if [ "$1" -lt "$stage" ] || [ "$1" -gt "$stop_stage" ] || [[ " $skip_stages " == *" $1 "* ]]; then
        return 1
    fi
    say "stage $1: $2"
}

needs() { # needs K FILE ...: exit with a message unless these files exist, which stage K makes
    local made_by=$1 file
    shift
    for file; do
        [ -s "$file" ] || die "expected $file, which stage $made_by makes, found none: run --stage $made_by first"
    done
}
