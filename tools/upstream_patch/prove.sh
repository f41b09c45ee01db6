#!/usr/bin/env bash
# Prove what the patch does to a release of upstream: install it, apply all parts to a copy, and compare the two.
# usage: tools/upstream_patch/prove.sh DIRECTORY RELEASE [row of the export matrix ...]     (202511 or 202611)
#
# Environment variables:
#   PYTHON          Python with this project, the extras export and patch (default: .venv/bin/python)
#   UPSTREAM        environment that has the release (default: DIRECTORY/upstream, made by tools/setup_oracle.sh)
#   UPSTREAM_TESTS  a directory with upstream's tests, which no wheel has (default: those that the parts bring, alone)
#
# Without rows, the whole matrix is measured before and after, which takes hours on two cores; results that DIRECTORY
# has from an earlier run are kept. The exit status is 1 where tests or single utterances differ after the patch.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: prove.sh DIRECTORY RELEASE [row ...]" >&2
    exit 2
fi
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd) release=$2 failed=
shift 2
python=${PYTHON:-$root/.venv/bin/python} upstream=${UPSTREAM:-$dir/upstream}
export OMP_NUM_THREADS=1

echo "== Upstream $release"
[ -x "$upstream/bin/python" ] || "$root/tools/setup_oracle.sh" "$upstream" "$release"
site=$("$upstream/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
[ -d "$dir/pytest" ] || "$python" -m pip install --quiet --target "$dir/pytest" pytest
for copy in before after; do
    rm -rf "${dir:?}/$copy"
    mkdir -p "$dir/$copy/test"    # a place for the tests that the parts bring
    cp -r "$site/espnet" "$site/espnet2" "$site"/espnet-"$release"*.dist-info "$dir/$copy"
done
# Run upstream's Python on a copy, in the working directory: in_copy before|after command ...
in_copy() { PYTHONPATH=$dir/$1:$dir/pytest "$upstream/bin/python" -W ignore "${@:2}"; }
patch_tool() { (cd "$root" && PYTHONPATH=$root "$python" -m tools.upstream_patch "$@"); }

echo "== Patch"
patch_tool apply "$dir/after"
patch_tool status "$dir/after"

echo "== Tests of the parts, on the patched copy"
(cd "$dir/after" && in_copy after -m pytest -q -p no:cacheprovider -c /dev/null --rootdir "$dir/after/test" test) || failed=1

if [ -n "${UPSTREAM_TESTS:-}" ]; then
    echo "== Upstream's tests of the touched parts, before and after"
    rm -rf "$dir/tests" && cp -r "$UPSTREAM_TESTS" "$dir/tests"
    names='s/\bespnet2\.legacy\.(nets|transform|utils)\b/espnet.\1/g'
    [ -d "$dir/after/espnet2/legacy" ] && names='s/\bespnet\.(nets|transform|utils)\b/espnet2.legacy.\1/g'
    find "$dir/tests" -name '*.py' -exec sed -i -E "$names" {} +
    touched='test_(nets_utils|attention|global_mvn|log_mel|stft|utterance_mvn|transformer_decoder|rnn_encoder|vgg_rnn_encoder|'
    touched+='branchformer_encoder|espnet_model|transformer_lm|default|batch_beam_search|transformer_decode)\.py$'
    mapfile -t files < <(cd "$dir/tests" && find . -name 'test_*.py' -not -path './old/*' | grep -E "/$touched" | sort)
    for copy in before after; do
        (cd "$dir/tests" && in_copy "$copy" -m pytest -q -p no:cacheprovider -c /dev/null --rootdir "$dir/tests" -rf --continue-on-collection-errors \
            "${files[@]}") > "$dir/tests_$copy.log" 2>&1 || true
        echo "$copy: $(tail -1 "$dir/tests_$copy.log")"
        grep '^FAILED' "$dir/tests_$copy.log" | sed 's/ - .*//' | sort > "$dir/failed_$copy.txt" || true
    done
    if comm -13 "$dir/failed_before.txt" "$dir/failed_after.txt" | grep .; then failed=1; fi
fi

echo "== Outputs of random models, before and after"
in_copy before "$root/tools/upstream_patch/prove_outputs.py" --write "$dir/outputs.npz" 2> "$dir/left_out.log"
in_copy after "$root/tools/upstream_patch/prove_outputs.py" --compare "$dir/outputs.npz" 2>> "$dir/left_out.log" || failed=1

echo "== A trained model: hypotheses before and after"
for copy in before after; do
    in_copy "$copy" "$root/tools/upstream_patch/prove_decode.py" "$dir/nbest_$copy.json" "$dir/text_$copy" 2> "$dir/decode_$copy.log"
done
cmp "$dir/nbest_before.json" "$dir/nbest_after.json" && echo "hypotheses and scores are equal" || failed=1

if [ -f "$dir/after/espnet2/bin/export_onnx.py" ]; then
    echo "== The same model, exported by the patched copy, in this project's runtime"
    demo=$root/egs2/digits/asr1/demo
    rm -rf "$dir/bundle"
    (cd "$demo/exp/asr" && in_copy after -m espnet2.bin.export_onnx --output_dir "$dir/bundle" \
        --asr_train_config config.yaml --asr_model_file valid.acc.ave.pth \
        --lm_train_config ../lm/config.yaml --lm_file ../lm/valid.loss.ave.pth) > "$dir/export.log" 2>&1
    (cd "$demo" && PYTHONPATH=$root "$python" -m espnet2.bin.asr_inference_onnx --bundle "$dir/bundle" --output_dir "$dir/decode" \
        --data_path_and_name_and_type recordings/wav.scp,speech,sound --beam_size 10 --ctc_weight 0.3 --lm_weight 0.5 2> "$dir/runtime.log")
    diff <(sort "$dir/decode/1best_recog/text") "$dir/text_after" && echo "texts are equal" || failed=1
fi

echo "== Export matrix, before and after"
for copy in before after; do
    in_copy "$copy" "$root/tools/bench/export_matrix.py" --upstream --output "$dir/$copy.json" "$@" > "$dir/matrix_$copy.log" 2>&1
done
(cd "$root" && PYTHONPATH=$root "$python" tools/bench/export_matrix.py --compare "$dir/before.json" "$dir/after.json")
[ -z "$failed" ] || { echo "prove.sh: something differs after the patch, see above" >&2; exit 1; }
