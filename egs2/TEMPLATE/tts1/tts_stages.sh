# Stages of tts.sh, which sources this file. They call espnet2/recipe and the commands of espnet2/bin.
# shellcheck shell=bash disable=SC2154  # options and names are those of tts.sh

format_audio() {
    local name to
    for name in "${sets[@]}" "${tests[@]}"; do
        needs 1 "data/$name/wav.scp"
        to=$data_feats/$name
        case " ${sets[*]} " in *" $name "*) to=$data_feats/org/$name ;; esac # stage 4 writes the others
        recipe format "data/$name" "$to" --fs "$fs" --audio_format "$audio_format" --nj "$nj"
    done
}

number_speakers() { # utt2sid and utt2lid of every set, with numbers of the training set; 0 is unknown
    local name to
    for name in "${sets[@]}" "${tests[@]}"; do
        to=$dumpdir/numbers/$name
        mkdir -p "$to"
        if [ "$use_sid" = true ]; then number utt2spk "$name" "$to/utt2sid" "$dumpdir/numbers/spk2sid"; fi
        if [ "$use_lid" = true ]; then number utt2lang "$name" "$to/utt2lid" "$dumpdir/numbers/lang2lid"; fi
        if [ "$use_spk_embed" = true ]; then
            [ -s "$spk_embed_dir/$name/spk_embed.scp" ] || die "expected $spk_embed_dir/$name/spk_embed.scp, found none"
        fi
    done
}

number() { # number TABLE SET OUTPUT NUMBERS: the second column of a table of data/SET as numbers
    needs 1 "data/$train_set/$1" "data/$2/$1"
    {
        echo "<unk> 0"
        cut -d ' ' -f 2 "data/$train_set/$1" | sort -u | awk '{ print $1, NR }'
    } >"$4"
    awk 'NR == FNR { known[$1] = $2; next } { print $1, ($2 in known) ? known[$2] : 0 }' "$4" "data/$2/$1" >"$3"
}

trim() {
    local name
    for name in "$train_set" "$valid_set"; do
        needs 2 "$data_feats/org/$name/wav.scp"
        recipe trim "$data_feats/org/$name" "$data_feats/$name" --fs "$fs" \
            --min_wav_duration "$min_wav_duration" --max_wav_duration "$max_wav_duration"
    done
}

make_tokens() {
    needs 4 "$train_dir/text"
    mkdir -p "${token_list%/*}"
    # shellcheck disable=SC2086  # several files
    recipe texts $srctexts --output "${token_list%/*}/train.txt"
    py tokenize_text --input "${token_list%/*}/train.txt" --output "$token_list" --field 2- --token_type "$token_type" \
        --non_linguistic_symbols "$nlsyms_txt" --cleaner "$cleaner" \
        --g2p "$([ "$token_type" = phn ] && echo "$g2p" || echo none)" --write_vocabulary true \
        --add_symbol "$blank:0" --add_symbol "$oov:1" --add_symbol "$sos_eos:-1"
}

tts_data() { # tts_data train|valid SET: options that name speech, text and what goes with them
    local option=--$1_data_path_and_name_and_type directory=$data_feats/$2
    printf '%s\n' "$option" "$directory/text,text,text" "$option" "$directory/wav.scp,speech,sound"
    if [ -n "$teacher_dumpdir" ]; then printf '%s\n' "$option" "$teacher_dumpdir/$2/durations,durations,text_int"; fi
    conditions "$option" "$2"
}

conditions() { # conditions OPTION SET: options that name numbers and embeddings of speakers and languages
    if [ "$use_sid" = true ]; then printf '%s\n' "$1" "$dumpdir/numbers/$2/utt2sid,sids,text_int"; fi
    if [ "$use_lid" = true ]; then printf '%s\n' "$1" "$dumpdir/numbers/$2/utt2lid,lids,text_int"; fi
    if [ "$use_spk_embed" = true ]; then printf '%s\n' "$1" "$spk_embed_dir/$2/spk_embed.scp,spembs,npy"; fi
}

need_data() {
    local name
    needs 4 "$train_dir/wav.scp" "$valid_dir/wav.scp"
    needs 5 "$token_list"
    for name in "${sets[@]}"; do
        if [ -n "$teacher_dumpdir" ] && [ ! -s "$teacher_dumpdir/$name/durations" ]; then
            die "--teacher_dumpdir: expected $teacher_dumpdir/$name/durations, found none"
        fi
        if [ "$use_sid" = true ]; then needs 3 "$dumpdir/numbers/$name/utt2sid"; fi
        if [ "$use_lid" = true ]; then needs 3 "$dumpdir/numbers/$name/utt2lid"; fi
    done
}

feature_options() { # options of features, pitch and energy
    local of_samples="fs=$fs n_fft=$n_fft hop_length=$n_shift" item
    printf '%s\n' --feats_extract "$feats_extract" --feats_extract_conf "n_fft=$n_fft" \
        --feats_extract_conf "hop_length=$n_shift" --feats_extract_conf "win_length=$win_length"
    if [ "$feats_extract" = fbank ]; then
        for item in fs="$fs" fmin="$fmin" fmax="$fmax" n_mels="$n_mels"; do
            printf '%s\n' --feats_extract_conf "$item"
        done
    fi
    for item in $of_samples f0min="$f0min" f0max="$f0max"; do printf '%s\n' --pitch_extract_conf "$item"; done
    for item in $of_samples win_length="$win_length"; do printf '%s\n' --energy_extract_conf "$item"; done
}

collect_tts_stats() {
    local data features stats_inputs=("$token_list" "$train_config" "$train_dir"/{text,utt2num_samples}
        "$valid_dir"/{text,utt2num_samples})
    need_data
    mapfile -t data < <(tts_data train "$train_set" && tts_data valid "$valid_set")
    mapfile -t features < <(feature_options)
    collect_stats "${tts_task}_train" "$tts_stats_dir" "$train_dir/wav.scp" "$valid_dir/wav.scp" \
        --config "$train_config" "${features[@]}" --write_collected_feats "$write_collected_feats" \
        --normalize none --pitch_normalize none --energy_normalize none \
        "${data[@]}" ${train_more[@]+"${train_more[@]}"}
}

train_tts() {
    local data features options=(--normalize none) part name inputs=("$train_config" "$token_list")
    need_data
    inputs+=("$train_dir"/{wav.scp,text,utt2num_samples} "$valid_dir"/{wav.scp,text,utt2num_samples})
    mapfile -t data < <(tts_data train "$train_set" && tts_data valid "$valid_set")
    mapfile -t features < <(feature_options)
    for part in train valid; do
        needs 6 "$tts_stats_dir/$part/text_shape.$token_type" "$tts_stats_dir/$part/speech_shape"
        options+=("--${part}_shape_file" "$tts_stats_dir/$part/text_shape.$token_type"
            "--${part}_shape_file" "$tts_stats_dir/$part/speech_shape")
        for name in pitch energy; do
            if [ -s "$tts_stats_dir/$part/collect_feats/$name.scp" ]; then
                data+=("--${part}_data_path_and_name_and_type" "$tts_stats_dir/$part/collect_feats/$name.scp,$name,npy")
            fi
        done
    done
    if [ "$feats_normalize" = global_mvn ]; then
        options+=(--normalize global_mvn --normalize_conf "stats_file=$tts_stats_dir/train/feats_stats.npz")
    fi
    for name in pitch energy; do
        if [ -s "$tts_stats_dir/train/${name}_stats.npz" ]; then
            options+=("--${name}_normalize" global_mvn
                "--${name}_normalize_conf" "stats_file=$tts_stats_dir/train/${name}_stats.npz")
        fi
    done
    train "${tts_task}_train" "$tts_exp" "$inference_model" "${inputs[@]}" -- \
        --config "$train_config" "${features[@]}" "${options[@]}" "${data[@]}" \
        --fold_length "$text_fold_length" --fold_length "$((speech_fold_length * n_shift))" \
        ${train_more[@]+"${train_more[@]}"}
}

need_model() { needs 7 "${model_files[@]}"; }

# speak DIRECTORY COMMAND OPTION ...: speak the texts of each set in jobs; the model's files are `model_inputs`
speak() {
    local directory=$1 name count logdir text more
    shift
    for name in "${tests[@]}"; do
        text=$data_feats/$name/text logdir=$directory/$name/logdir
        needs 2 "$text"
        mapfile -t more < <(conditions --data_path_and_name_and_type "$name")
        count=$(recipe split --nj "$inference_nj" --output_dir "$logdir" keys="$text")
        # Status 1: some texts could not be spoken; the log names them.
        jobs "${decode_cmd[@]}" --accept 0,1 JOB=1:"$count" "$logdir/tts_inference.JOB.log" \
            "$python" -m espnet2.bin.run_once --stamp "$logdir/output.JOB.done" --outputs "$logdir/output.JOB" \
            --anew true --inputs "$text" "$logdir/keys.JOB.scp" "${model_inputs[@]}" --log_level WARNING -- \
            "$python" -m espnet2.bin."$1" "${@:2}" --data_path_and_name_and_type "$text,text,text" \
            ${more[@]+"${more[@]}"} --key_file "$logdir/keys.JOB.scp" --output_dir "$logdir/output.JOB" \
            ${inference_more[@]+"${inference_more[@]}"}
        # shellcheck disable=SC2046  # a word for each job
        recipe merge_speech $(numbered "$logdir/output.JOB" "$count") --output_dir "$directory/$name"
    done
}

speak_torch() {
    local model_inputs=("${model_files[@]}") gpu=0 options=()
    need_model
    if [ "$gpu_inference" = true ]; then gpu=1; fi
    if [ "$vocoder_file" != none ]; then options=(--vocoder_file "$vocoder_file"); fi
    speak "$tts_exp/$inference_tag" tts_inference --ngpu "$gpu" --train_config "${model_files[0]}" \
        --model_file "${model_files[1]}" ${options[@]+"${options[@]}"}
}

pack_model() {
    local options=(--train_config "${model_files[0]}" --model_file "${model_files[1]}")
    need_model
    py pack "$tts_task" --outpath "$tts_exp/$(basename "$tts_exp")_${inference_model%.pth}.zip" "${options[@]}"
}

export_bundle() {
    local files options=()
    need_model
    mapfile -t files < <(bundle_files)
    if [ "$quantize" != none ]; then
        options=(--quantize "$quantize")
        if [ "$asr_bundle" != none ]; then # the recogniser judges the texts of the validation set
            cut -d ' ' -f 2- "$valid_dir/text" >"$tts_exp/judged.txt"
            options+=(--recognizer "$asr_bundle" "$tts_exp/judged.txt")
        fi
    fi
    jobs "${train_cmd[@]}" "$tts_exp/logs/export.log" \
        "$python" -m espnet2.bin.run_once --stamp "$tts_exp/.bundle.done" --inputs "${model_files[@]}" \
        --outputs "$bundle/bundle.yaml" ${files[@]+"${files[@]}"} --log_level WARNING -- \
        "$python" -m espnet2.bin.export_onnx "${model_options[@]}" --output_dir "$bundle" ${options[@]+"${options[@]}"}
}

speak_bundle() {
    local model_inputs
    needs 10 "$bundle/bundle.yaml"
    mapfile -t model_inputs < <(bundle_files)
    model_inputs+=("$bundle/bundle.yaml")
    speak "$tts_exp/${inference_tag}_onnx" tts_inference_onnx --bundle "$bundle" --num_threads 1
}

score_speech() { # word errors of a recogniser, where the texts are what it should recognise
    local directory name systems=()
    for directory in "$tts_exp/$inference_tag" "$tts_exp/${inference_tag}_onnx"; do
        for name in "${tests[@]}"; do
            needs "$([[ $directory == *_onnx ]] && echo 11 || echo 8)" "$directory/$name/wav/wav.scp"
            jobs "${decode_cmd[@]}" --accept 0,1 "$directory/$name/recognition.log" \
                "$python" -m espnet2.bin.asr_inference_onnx --bundle "$asr_bundle" --num_threads 1 \
                --data_path_and_name_and_type "$directory/$name/wav/wav.scp,speech,sound" --output_dir "$directory/$name"
            recipe score --ref "$data_feats/$name/text" --hyp "$directory/$name/1best_recog/text" \
                --output_dir "$directory/$name/score_wer" --token_type word --cleaner "$asr_cleaner"
        done
    done
    systems=(--system "PyTorch=$tts_exp/$inference_tag,${model_files[1]}"
        --system "ONNX=$tts_exp/${inference_tag}_onnx,$bundle:fp32")
    recipe results "${tests[@]}" --output "$tts_exp/RESULTS.md" --title "$tag, $inference_tag" "${systems[@]}"
    say "wrote $tts_exp/RESULTS.md"
    cat "$tts_exp/RESULTS.md"
}
