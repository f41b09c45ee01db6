#!/usr/bin/env bash
# Train a speech recogniser, export it to a verified bundle, and score both. Called by a recipe's run.sh; --help lists the options.
# shellcheck source-path=SCRIPTDIR disable=SC2034  # asr_stages.sh reads the options
set -euo pipefail
. ./path.sh
# shellcheck source=parse_options.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/parse_options.sh"

# Options: what runs
stage=1                 # first stage
stop_stage=10000        # last stage
skip_stages=            # stages to skip, such as "9 16"
ngpu=0                  # GPUs for training; 0: CPU
nj=2                    # jobs for formatting and statistics
inference_nj=2          # jobs for recognition
gpu_inference=false     # recognise on a GPU
python=$PYTHON          # Python
dumpdir=dump            # directory of formatted audio
expdir=exp              # directory of models
# Options: data
local_data_opts=        # options of local/data.sh
speed_perturb_factors=  # such as "0.9 1.0 1.1"
feats_type=raw          # raw: samples
audio_format=flac       # flac or wav
fs=16000                # sampling rate in Hz, or 16k
min_wav_duration=0.1    # shortest utterance of training, in seconds
max_wav_duration=20     # longest utterance of training, in seconds
train_set=              # name of the training set
valid_set=              # name of the validation set
test_sets=              # names of the test sets
lang=noinfo             # language, a part of names
# Options: tokens
token_type=bpe          # bpe, char or word
nbpe=30                 # pieces of sentencepiece
bpemode=unigram         # unigram or bpe
bpe_nlsyms=             # file of symbols that are one piece each
bpe_options=            # further options of sentencepiece: "{max_sentencepiece_length: 4}"
bpe_train_text=         # text to train it on (default: that of the training set)
nlsyms_txt=none         # file of symbols that are one token each
cleaner=none            # text normalisation
oov="<unk>"             # unknown symbol
blank="<blank>"         # CTC's blank
sos_eos="<sos/eos>"     # begin and end of a sentence
# Options: language models
use_lm=true             # train and use a language model
lm_tag=                 # name of the model (default: of its configuration)
lm_exp=                 # its directory
lm_stats_dir=           # directory of its statistics
lm_config=              # its configuration
lm_args=                # options of lm_train, such as "--max_epoch 10"
lm_fold_length=150      # tokens after which batches get smaller
lm_train_text=          # texts to train on (default: that of the training set)
lm_dev_text=            # text to validate on (default: that of the validation set)
lm_test_text=           # text of the perplexity (default: that of the first test set)
use_ngram=false         # train and use an n-gram model
ngram_num=3             # its order
ngram_exp=              # its directory
# Options: recogniser
asr_tag=                # name of the model (default: of its configuration)
asr_exp=                # its directory
asr_stats_dir=          # directory of its statistics
asr_config=             # its configuration
asr_args=               # options of asr_train, such as "--max_epoch 10"
asr_speech_fold_length=800  # frames after which batches get smaller
asr_text_fold_length=150    # tokens after which batches get smaller
feats_normalize=global_mvn  # global_mvn, utterance_mvn or none
pretrained_model=       # initial weights
# Options: recognition
inference_config=       # options of recognition
inference_args=         # options of asr_inference, such as "--lm_weight 0.1"
inference_tag=          # name of the decode (default: of its configuration)
inference_lm=valid.loss.ave.pth        # weights of the language model
inference_asr_model=valid.acc.ave.pth  # weights of the recogniser
drawn_recordings=2      # recordings of each test set to plot with their alignment
quantize=int8           # int8: add 8-bit graphs to the bundle; none
verify_recordings=20    # recordings of the validation set on which PyTorch and bundle are compared
# End of options

parse_options "$@"
fs=${fs/k/000}
for option in train_set valid_set test_sets asr_config inference_config; do
    [ -n "${!option}" ] || die "--$option: expected a value, found none"
done
[ "$feats_type" = raw ] || die "--feats_type: expected raw, found $feats_type"
require_numbers stage stop_stage ngpu nj inference_nj fs nbpe ngram_num verify_recordings \
    lm_fold_length asr_speech_fold_length asr_text_fold_length
for option in nj inference_nj fs; do
    [ "${!option}" -gt 0 ] || die "--$option: expected a number above 0, found ${!option}"
done
for option in use_lm use_ngram gpu_inference; do require_one_of "$option" true false; done
require_one_of audio_format flac wav
require_one_of feats_normalize global_mvn utterance_mvn none
require_one_of quantize int8 none
require_files asr_config inference_config
if [ "$use_lm" = true ]; then
    [ -n "$lm_config" ] || die "--lm_config: expected a value since --use_lm is true, found none"
    require_files lm_config
fi
if [ "$nlsyms_txt" != none ]; then require_files nlsyms_txt; fi
require_words dumpdir expdir train_set valid_set lang lm_exp lm_stats_dir ngram_exp asr_exp asr_stats_dir
for number in $skip_stages; do
    [[ $number =~ ^[0-9]+$ ]] || die "--skip_stages: expected numbers of stages, found '$number'"
done
[ "$stage" -le "$stop_stage" ] || die "--stop_stage: expected $stage, the first stage, or a later one, found $stop_stage"

. ./cmd.sh

# shellcheck source=common_stages.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/common_stages.sh"

data_feats=$dumpdir/$feats_type
sets=("$train_set" "$valid_set")
read -r -d '' -a tests <<<"$test_sets" || true
first_train_set=$train_set
if [ -n "$speed_perturb_factors" ]; then train_set=${train_set}_sp; fi
case $token_type in
    bpe) tokens=bpe_${bpemode}${nbpe} ;;
    char | word) tokens=$token_type ;;
    *) die "--token_type: expected bpe, char or word, found $token_type" ;;
esac
token_dir=data/${lang}_token_list/$tokens
token_list=$token_dir/tokens.txt
bpemodel=none
if [ "$token_type" = bpe ]; then bpemodel=$token_dir/bpe.model; fi
sp=${speed_perturb_factors:+_sp}
asr_tag=${asr_tag:-$(stem "$asr_config")_${feats_type}_${lang}_$tokens$(tag_of "$asr_args")$sp}
lm_tag=${lm_tag:-$(stem "${lm_config:-lm}")_${lang}_$tokens$(tag_of "$lm_args")}
asr_stats_dir=${asr_stats_dir:-$expdir/asr_stats_${feats_type}_${lang}_$tokens$sp}
lm_stats_dir=${lm_stats_dir:-$expdir/lm_stats_${lang}_$tokens}
asr_exp=${asr_exp:-$expdir/asr_$asr_tag}
lm_exp=${lm_exp:-$expdir/lm_$lm_tag}
ngram_exp=${ngram_exp:-$expdir/ngram_${lang}_$tokens}
if [ -z "$inference_tag" ]; then
    inference_tag=$(stem "$inference_config")$(tag_of "$inference_args")
    if [ "$use_lm" = true ]; then inference_tag+=_lm; fi
    inference_tag+=_${inference_asr_model%.pth}
fi
train_dir=$data_feats/$train_set valid_dir=$data_feats/$valid_set
bpe_train_text=${bpe_train_text:-$train_dir/text}
lm_train_text=${lm_train_text:-$train_dir/text}
lm_dev_text=${lm_dev_text:-$valid_dir/text}
lm_test_text=${lm_test_text:-$data_feats/${tests[0]}/text}
bundle=$asr_exp/bundle
text_options=(--token_type "$token_type" --token_list "$token_list" --bpemodel "$bpemodel"
    --non_linguistic_symbols "$nlsyms_txt" --cleaner "$cleaner" --g2p none --use_preprocessor true)
read -r -d '' -a asr_more <<<"$asr_args" || true
if [ "$sos_eos" != "<sos/eos>" ]; then asr_more+=(--model_conf "sym_sos=$sos_eos" --model_conf "sym_eos=$sos_eos"); fi
read -r -d '' -a lm_more <<<"$lm_args" || true
read -r -d '' -a inference_more <<<"$inference_args" || true
model_options=(--asr_train_config "$asr_exp/config.yaml" --asr_model_file "$asr_exp/$inference_asr_model")
model_files=("$asr_exp/config.yaml" "$asr_exp/$inference_asr_model")
if [ "$use_lm" = true ]; then
    model_options+=(--lm_train_config "$lm_exp/config.yaml" --lm_file "$lm_exp/$inference_lm")
    model_files+=("$lm_exp/config.yaml" "$lm_exp/$inference_lm")
fi
if [ "$use_ngram" = true ]; then
    model_options+=(--ngram_file "$ngram_exp/${ngram_num}gram.bin")
    model_files+=("$ngram_exp/${ngram_num}gram.bin")
fi

# shellcheck source=asr_stages.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/asr_stages.sh"

if runs 1 "data"; then prepare_data; fi
if [ -n "$speed_perturb_factors" ] && runs 2 "speed perturbation"; then perturb_speed; fi
if runs 3 "format"; then format_audio; fi
if runs 4 "remove long and short utterances"; then trim; fi
if runs 5 "tokens"; then make_tokens; fi
if [ "$use_lm" = true ]; then
    if runs 6 "statistics for the language model"; then collect_lm_stats; fi
    if runs 7 "language model"; then train_lm; fi
    if runs 8 "perplexity"; then measure_perplexity; fi
fi
if [ "$use_ngram" != true ]; then
    if runs 9 "n-gram model: left out, since --use_ngram is $use_ngram"; then :; fi
elif runs 9 "n-gram model"; then
    train_ngram
fi
if runs 10 "statistics for the recogniser"; then collect_asr_stats; fi
if runs 11 "recogniser"; then train_asr; fi
if runs 12 "recognise with PyTorch"; then decode_torch; fi
if runs 13 "score"; then
    score_sets "$asr_exp/$inference_tag"
    draw_alignments
fi
if runs 14 "export to ONNX and verify"; then export_bundle; fi
if runs 15 "recognise with the bundle and score"; then decode_bundle; fi
if runs 16 "pack"; then pack_model; fi
say "done"
