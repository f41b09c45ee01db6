# Stages of asr.sh, which sources this file. They call espnet2/recipe and the commands of espnet2/bin.
# shellcheck shell=bash disable=SC2154  # options and names are those of asr.sh

perturb_speed() {
    needs 1 "data/$first_train_set/wav.scp"
    # shellcheck disable=SC2086  # several factors
    recipe speed "data/$first_train_set" "data/$train_set" $speed_perturb_factors
}

format_audio() {
    local name
    needs 1 "data/$valid_set/wav.scp"
    needs "$([ "$train_set" = "$first_train_set" ] && echo 1 || echo 2)" "data/$train_set/wav.scp"
    for name in "$train_set" "$valid_set"; do
        recipe format "data/$name" "$data_feats/org/$name" --fs "$fs" --audio_format "$audio_format" --nj "$nj"
    done
    for name in "${tests[@]}"; do
        if [ "$name" = "$valid_set" ]; then continue; fi # stage 4 writes it
        needs 1 "data/$name/wav.scp"
        recipe format "data/$name" "$data_feats/$name" --fs "$fs" --audio_format "$audio_format" --nj "$nj"
    done
}

trim() {
    local name
    for name in "$train_set" "$valid_set"; do
        needs 3 "$data_feats/org/$name/wav.scp"
        recipe trim "$data_feats/org/$name" "$data_feats/$name" --fs "$fs" \
            --min_wav_duration "$min_wav_duration" --max_wav_duration "$max_wav_duration"
    done
    if [ "$use_lm" = true ] || [ "$use_ngram" = true ]; then
        # shellcheck disable=SC2086  # several files
        recipe texts $lm_train_text --output "$data_feats/lm_train.txt"
    fi
}

make_tokens() {
    needs 4 "$train_dir/text"
    if [ "$token_type" = bpe ]; then
        # shellcheck disable=SC2086  # several files
        recipe texts $bpe_train_text --output "$token_dir/train.txt" --keys false
        once --stamp "$token_dir/.done" --inputs "$token_dir/train.txt" --outputs "$token_list" "$bpemodel" -- \
            "$python" -m espnet2.bin.recipe bpe --input "$token_dir/train.txt" --output_dir "$token_dir" \
            --nbpe "$nbpe" --bpemode "$bpemode" --nlsyms "${bpe_nlsyms:-none}" --options "$bpe_options"
        return
    fi
    py tokenize_text --input "$train_dir/text" --output "$token_list" --field 2- --token_type "$token_type" \
        --non_linguistic_symbols "$nlsyms_txt" --cleaner "$cleaner" --write_vocabulary true \
        --add_symbol "$blank:0" --add_symbol "$oov:1" --add_symbol "$sos_eos:-1"
}

collect_lm_stats() {
    local stats_inputs=("$token_list" "$lm_config")
    needs 5 "$token_list"
    needs 4 "$data_feats/lm_train.txt" "$lm_dev_text"
    collect_stats lm_train "$lm_stats_dir" "$data_feats/lm_train.txt" "$lm_dev_text" \
        --config "$lm_config" \
        --train_data_path_and_name_and_type "$data_feats/lm_train.txt,text,text" \
        --valid_data_path_and_name_and_type "$lm_dev_text,text,text" ${lm_more[@]+"${lm_more[@]}"}
}

train_lm() {
    local shape
    for shape in train valid; do needs 6 "$lm_stats_dir/$shape/text_shape.$token_type"; done
    needs 4 "$data_feats/lm_train.txt" "$lm_dev_text"
    train lm_train "$lm_exp" "$inference_lm" "$lm_config" "$token_list" "$data_feats/lm_train.txt" "$lm_dev_text" -- \
        --config "$lm_config" --fold_length "$lm_fold_length" \
        --train_data_path_and_name_and_type "$data_feats/lm_train.txt,text,text" \
        --valid_data_path_and_name_and_type "$lm_dev_text,text,text" \
        --train_shape_file "$lm_stats_dir/train/text_shape.$token_type" \
        --valid_shape_file "$lm_stats_dir/valid/text_shape.$token_type" ${lm_more[@]+"${lm_more[@]}"}
}

measure_perplexity() {
    needs 7 "$lm_exp/config.yaml" "$lm_exp/$inference_lm"
    needs 4 "$lm_test_text"
    jobs "${train_cmd[@]}" "$lm_exp/perplexity_test/perplexity.log" \
        "$python" -m espnet2.bin.lm_calc_perplexity --train_config "$lm_exp/config.yaml" \
        --model_file "$lm_exp/$inference_lm" --data_path_and_name_and_type "$lm_test_text,text,text" \
        --output_dir "$lm_exp/perplexity_test" --ngpu 0
    say "perplexity of $lm_test_text: $(cat "$lm_exp/perplexity_test/ppl")"
}

train_ngram() {
    local arpa=$ngram_exp/${ngram_num}gram.arpa
    needs 4 "$data_feats/lm_train.txt"
    needs 5 "$token_list"
    command -v lmplz >/dev/null || die "--use_ngram: expected KenLM's lmplz on PATH, found none"
    mkdir -p "$ngram_exp"
    py tokenize_text --input "$data_feats/lm_train.txt" --output "$ngram_exp/train.txt" --field 2- \
        --token_type "$token_type" --bpemodel "$bpemodel" --non_linguistic_symbols "$nlsyms_txt" --cleaner "$cleaner"
    lmplz --discount_fallback -o "$ngram_num" <"$ngram_exp/train.txt" >"$arpa.partial"
    mv "$arpa.partial" "$arpa"
    build_binary -s "$arpa" "$ngram_exp/${ngram_num}gram.bin.partial"
    mv "$ngram_exp/${ngram_num}gram.bin.partial" "$ngram_exp/${ngram_num}gram.bin"
}

asr_data() { # asr_data train|valid DIRECTORY: options that name speech and texts
    printf '%s\n' "--$1_data_path_and_name_and_type" "$2/wav.scp,speech,sound" \
        "--$1_data_path_and_name_and_type" "$2/text,text,text"
}

collect_asr_stats() {
    local data stats_inputs=("$token_list" "$asr_config" "$train_dir/text" "$valid_dir/text"
        "$train_dir/utt2num_samples" "$valid_dir/utt2num_samples")
    needs 4 "$train_dir/wav.scp" "$valid_dir/wav.scp"
    needs 5 "$token_list"
    mapfile -t data < <(asr_data train "$train_dir" && asr_data valid "$valid_dir")
    collect_stats asr_train "$asr_stats_dir" "$train_dir/wav.scp" "$valid_dir/wav.scp" \
        --config "$asr_config" --frontend_conf "fs=$fs" "${data[@]}" ${asr_more[@]+"${asr_more[@]}"}
}

train_asr() {
    local data shapes=() options=() part inputs=("$asr_config" "$token_list")
    needs 10 "$asr_stats_dir/train/speech_shape" "$asr_stats_dir/train/text_shape.$token_type" \
        "$asr_stats_dir/valid/speech_shape" "$asr_stats_dir/valid/text_shape.$token_type"
    for part in train valid; do
        shapes+=("--${part}_shape_file" "$asr_stats_dir/$part/speech_shape"
            "--${part}_shape_file" "$asr_stats_dir/$part/text_shape.$token_type")
    done
    inputs+=("$train_dir"/{wav.scp,text,utt2num_samples} "$valid_dir"/{wav.scp,text,utt2num_samples})
    options+=(--normalize "$feats_normalize")
    if [ "$feats_normalize" = global_mvn ]; then
        needs 10 "$asr_stats_dir/train/feats_stats.npz"
        options+=(--normalize_conf "stats_file=$asr_stats_dir/train/feats_stats.npz")
        inputs+=("$asr_stats_dir/train/feats_stats.npz")
    fi
    if [ -n "$pretrained_model" ]; then
        options+=(--init_param "$pretrained_model")
        inputs+=("${pretrained_model%%:*}") # FILE:FROM:TO takes some of its weights
    fi
    mapfile -t data < <(asr_data train "$train_dir" && asr_data valid "$valid_dir")
    # Fold lengths are in the units of the shape files: samples (a frame has 10 ms), and tokens.
    train asr_train "$asr_exp" "$inference_asr_model" "${inputs[@]}" -- \
        --config "$asr_config" --frontend_conf "fs=$fs" "${options[@]}" "${data[@]}" "${shapes[@]}" \
        --fold_length "$((asr_speech_fold_length * fs / 100))" --fold_length "$asr_text_fold_length" \
        ${asr_more[@]+"${asr_more[@]}"}
}

# decode DIRECTORY COMMAND OPTION ...: recognise each set in jobs; the model's files are `model_inputs`
decode() {
    local directory=$1 name count logdir scp stamp
    shift
    for name in "${tests[@]}"; do
        scp=$data_feats/$name/wav.scp logdir=$directory/$name/logdir
        needs 3 "$scp"
        count=$(recipe split --nj "$inference_nj" --output_dir "$logdir" keys="$scp")
        # Status 1: some recordings could not be recognised. They are listed in `failures`, and count as deleted.
        # A decode that has crashed lacks others, which merging refuses.
        jobs "${decode_cmd[@]}" --accept 0,1 JOB=1:"$count" "$logdir/asr_inference.JOB.log" \
            "$python" -m espnet2.bin.run_once --stamp "$logdir/output.JOB.done" --outputs "$logdir/output.JOB" \
            --anew true --inputs "$scp" "${scp%/*}/utt2num_samples" "$logdir/keys.JOB.scp" "$inference_config" \
            "${model_inputs[@]}" --log_level WARNING -- \
            "$python" -m espnet2.bin."$1" "${@:2}" --config "$inference_config" \
            --data_path_and_name_and_type "$scp,speech,sound" --key_file "$logdir/keys.JOB.scp" \
            --output_dir "$logdir/output.JOB" ${inference_more[@]+"${inference_more[@]}"} || {
            # Remove an earlier model's results, so that they are not scored, unless this decode could not start.
            for stamp in $(numbered "$logdir/output.JOB.done" "$count"); do
                [ -f "$stamp" ] || rm -rf "${directory:?}/$name"/*best_recog
            done
            exit 2
        }
        rm -rf "${directory:?}/$name"/*best_recog
        # shellcheck disable=SC2046  # a word for each job
        recipe merge $(numbered "$logdir/output.JOB" "$count") --output_dir "$directory/$name" --keys "$scp"
    done
}

decode_torch() {
    local model_inputs=("${model_files[@]}") gpu=0
    need_model
    if [ "$gpu_inference" = true ]; then gpu=1; fi
    decode "$asr_exp/$inference_tag" asr_inference --ngpu "$gpu" "${model_options[@]}"
}

need_model() {
    needs 11 "$asr_exp/config.yaml" "$asr_exp/$inference_asr_model"
    if [ "$use_lm" = true ]; then needs 7 "$lm_exp/config.yaml" "$lm_exp/$inference_lm"; fi
    if [ "$use_ngram" = true ]; then needs 9 "$ngram_exp/${ngram_num}gram.bin"; fi
}

score_sets() { # score_sets DIRECTORY: WER, CER and, of sentencepiece's pieces, TER
    local name
    for name in "${tests[@]}"; do
        needs 12 "$1/$name/1best_recog/text"
        score_set "$1/$name" "$name" wer word
        score_set "$1/$name" "$name" cer char
        if [ "$token_type" = bpe ]; then score_set "$1/$name" "$name" ter bpe; fi
    done
}

draw_alignments() { # plot the first recordings of each set with their CTC alignment, in images
    local name keys
    for name in "${tests[@]}"; do
        keys=$asr_exp/logs/plot_alignment_$name.scp
        mkdir -p "$asr_exp/logs"
        head -n "$drawn_recordings" "$data_feats/$name/wav.scp" >"$keys"
        py plot_alignment --asr_train_config "$asr_exp/config.yaml" --asr_model_file "$asr_exp/$inference_asr_model" \
            --data_path_and_name_and_type "$data_feats/$name/wav.scp,speech,sound" --key_file "$keys" \
            --text "$data_feats/$name/text" --output_dir "$asr_exp/images" || say "not all alignments of $name are drawn"
    done
}

score_set() { # score_set DIRECTORY SET RATE TOKEN_TYPE
    recipe score --ref "$data_feats/$2/text" --hyp "$1/1best_recog/text" --utt2spk "$data_feats/$2/utt2spk" \
        --output_dir "$1/score_$3" --token_type "$4" --bpemodel "$bpemodel" --nlsyms "$nlsyms_txt" --cleaner "$cleaner"
}

export_bundle() {
    local recordings files options=()
    need_model
    needs 4 "$valid_dir/wav.scp"
    mapfile -t recordings < <(head -n "$verify_recordings" "$valid_dir/wav.scp" | cut -d ' ' -f 2-)
    mapfile -t files < <(bundle_files)
    if [ "$quantize" != none ]; then options=(--quantize "$quantize"); fi
    jobs "${train_cmd[@]}" "$asr_exp/logs/export.log" \
        "$python" -m espnet2.bin.run_once --stamp "$asr_exp/.bundle.done" --inputs "${model_files[@]}" \
        --outputs "$bundle/bundle.yaml" ${files[@]+"${files[@]}"} --log_level WARNING -- \
        "$python" -m espnet2.bin.export_onnx "${model_options[@]}" --output_dir "$bundle" \
        ${options[@]+"${options[@]}"} "${recordings[@]}"
}

decode_bundle() {
    local model_inputs torch=$asr_exp/$inference_tag fp32=$asr_exp/${inference_tag}_onnx
    local int8=$asr_exp/${inference_tag}_onnx_int8 weights=("$asr_exp/$inference_asr_model") systems
    needs 14 "$bundle/bundle.yaml"
    mapfile -t model_inputs < <(bundle_files)
    model_inputs+=("$bundle/bundle.yaml")
    if [ "$use_lm" = true ]; then weights+=("$lm_exp/$inference_lm"); fi
    decode "$fp32" asr_inference_onnx --bundle "$bundle" --num_threads 1
    score_sets "$fp32"
    systems=(--system "PyTorch=$(IFS=,; echo "$torch,${weights[*]}")" --system "ONNX fp32=$fp32,$bundle:fp32")
    if [ "$quantize" = int8 ]; then
        decode "$int8" asr_inference_onnx --bundle "$bundle" --num_threads 1 --quantized true
        score_sets "$int8"
        systems+=(--system "ONNX int8=$int8,$bundle:int8")
    fi
    needs 13 "$torch/${tests[0]}/score_wer/counts.json"
    recipe results "${tests[@]}" --output "$asr_exp/RESULTS.md" --title "$asr_tag, $inference_tag" "${systems[@]}"
    say "wrote $asr_exp/RESULTS.md"
    cat "$asr_exp/RESULTS.md"
}

pack_model() {
    local others=() path
    need_model
    for path in "$asr_exp/RESULTS.md" "$asr_exp/images"; do
        if [ -e "$path" ]; then others+=(--option "$path"); fi
    done
    py pack asr --outpath "$asr_exp/$(basename "$asr_exp")_${inference_asr_model%.pth}.zip" "${model_options[@]}" \
        ${others[@]+"${others[@]}"}
}
