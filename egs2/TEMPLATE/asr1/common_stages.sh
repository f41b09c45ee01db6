# Sourced by asr.sh and tts.sh: names for commands, and stages that both have. Options are the scripts'.
# shellcheck shell=bash disable=SC2154

py() { "$python" -m "espnet2.bin.$1" "${@:2}"; }
recipe() { py recipe "$@"; }
jobs() { py run_jobs "$@"; }
# Run a command in a job, unless it has succeeded with the same inputs.
once() { "$python" -m espnet2.bin.run_once --log_level WARNING "$@"; }
stem() { basename "$1" .yaml; }
# Options as part of a directory's name: "--lm_weight 0.1" becomes _lm_weight_0.1; long ones become a checksum.
tag_of() {
    local tag
    tag=$(printf ' %s' "${1//--/ }" | tr -cs 'A-Za-z0-9.+-' _)
    if [ "${#tag}" -gt 100 ]; then tag=_$(cksum <<<"$tag" | cut -d ' ' -f 1); fi
    echo "${tag%_}"
}
numbered() { for ((k = 1; k <= $2; k++)); do echo "${1//JOB/$k}"; done; }

prepare_data() {
    local options
    read -r -d '' -a options <<<"$local_data_opts" || true
    ./local/data.sh ${options[@]+"${options[@]}"}
    recipe validate "${sets[@]/#/data/}" "${tests[@]/#/data/}"
}

# collect_stats COMMAND DIRECTORY TRAIN_KEYS VALID_KEYS OPTION ...: collect statistics in jobs, then aggregate them; further
# input files are `stats_inputs`
collect_stats() {
    local command=$1 directory=$2 train_keys=$3 valid_keys=$4 count
    shift 4
    local logdir=$directory/logdir
    count=$(recipe split --nj "$nj" --output_dir "$logdir" train="$train_keys" valid="$valid_keys")
    jobs "${train_cmd[@]}" JOB=1:"$count" "$logdir/stats.JOB.log" \
        "$python" -m espnet2.bin.run_once --stamp "$logdir/stats.JOB.done" --log_level WARNING \
        --inputs "$train_keys" "$valid_keys" "$logdir/train.JOB.scp" "$logdir/valid.JOB.scp" "${stats_inputs[@]}" \
        --outputs "$logdir/stats.JOB" -- \
        "$python" -m "espnet2.bin.$command" --collect_stats true "${text_options[@]}" --output_dir "$logdir/stats.JOB" \
        --train_shape_file "$logdir/train.JOB.scp" --valid_shape_file "$logdir/valid.JOB.scp" "$@"
    # shellcheck disable=SC2046  # two words for each job
    py aggregate_stats_dirs $(numbered "--input_dir $logdir/stats.JOB" "$count") --output_dir "$directory"
    with_vocabulary_size "$directory/train/text_shape" "$directory/valid/text_shape"
}

with_vocabulary_size() { # text_shape -> text_shape.bpe: lengths followed by the number of tokens
    local shape
    for shape; do
        sed "s/$/,$(wc -l <"$token_list" | tr -d ' ')/" "$shape" >"$shape.partial"
        mv "$shape.partial" "$shape.$token_type"
    done
}

# train COMMAND DIRECTORY WEIGHTS INPUT ... -- OPTION ...: train, or resume training, until the weights for recognition
# exist
train() {
    local command=$1 directory=$2 weights=$3 inputs=() gpus=()
    shift 3
    while [ "$1" != -- ]; do
        inputs+=("$1")
        shift
    done
    shift
    if [ "$ngpu" -gt 1 ]; then gpus=(--multiprocessing_distributed true); fi
    jobs "${cuda_cmd[@]}" "$directory/logs/train.log" \
        "$python" -m espnet2.bin.run_once --stamp "$directory/.done" --inputs "${inputs[@]}" \
        --outputs "$directory/config.yaml" "$directory/$weights" --on_change refuse --log_level WARNING -- \
        "$python" -m "espnet2.bin.$command" "${text_options[@]}" --output_dir "$directory" --resume true \
        --ngpu "$ngpu" ${gpus[@]+"${gpus[@]}"} "$@"
}

bundle_files() { # files of the bundle, if there is one
    if [ -f "$bundle/bundle.yaml" ]; then awk -v to="$bundle/" '$1 == "file:" { print to $2 }' "$bundle/bundle.yaml"; fi
}
