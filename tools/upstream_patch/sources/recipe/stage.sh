if ! "${skip_export}"; then
    if [ ${stage} -le @NUMBER@ ] && [ ${stop_stage} -ge @NUMBER@ ]; then
        log "Stage @NUMBER@: Export to ONNX: ${asr_exp}/bundle"
        _opts=
        if "${use_lm}"; then
            _opts+="--lm_train_config ${lm_exp}/config.yaml "
            _opts+="--lm_file ${lm_exp}/${inference_lm} "
        fi
        # shellcheck disable=SC2086
        ${python} -m espnet2.bin.export_onnx ${_opts} \
            --asr_train_config "${asr_exp}/config.yaml" \
            --asr_model_file "${asr_exp}/${inference_asr_model}" \
            --output_dir "${asr_exp}/bundle"
    fi
else
    log "Skip the export to ONNX"
fi
