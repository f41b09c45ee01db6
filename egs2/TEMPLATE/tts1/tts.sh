#!/usr/bin/env bash
# Train a synthesiser, export it to a verified bundle, and let a recogniser judge both. Called by a recipe's run.sh; --help lists the options.
# shellcheck source-path=SCRIPTDIR disable=SC2034  # tts_stages.sh reads the options
set -euo pipefail
. ./path.sh
# shellcheck source=../asr1/parse_options.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/parse_options.sh"

# Options: what runs
stage=1                 # first stage
stop_stage=10000        # last stage
skip_stages=            # stages to skip, such as "3 9"
skip_data_prep=false    # skip stages 1 to 5
skip_train=false        # skip stages 6 and 7
skip_eval=false         # skip stages 8 and later, but 9
ngpu=0                  # GPUs for training; 0: CPU
nj=2                    # jobs for formatting and statistics
inference_nj=2          # jobs for synthesis
gpu_inference=false     # synthesise on a GPU
python=$PYTHON          # Python
dumpdir=dump            # directory of formatted audio
expdir=exp              # directory of models
# Options: data
local_data_opts=        # options of local/data.sh
feats_type=raw          # raw: samples
audio_format=flac       # flac or wav
min_wav_duration=0.1    # shortest utterance of training, in seconds
max_wav_duration=20     # longest utterance of training, in seconds
use_sid=false           # number the speakers of utt2spk
use_lid=false           # number the languages of utt2lang
use_spk_embed=false     # speaker embeddings of spk_embed_dir
spk_embed_dir=          # directory with <set>/spk_embed.scp, lists of .npy files
fs=16000                # sampling rate in Hz, or 16k
train_set=              # name of the training set
valid_set=              # name of the validation set
test_sets=              # names of the test sets
srctexts=               # texts that tokens are counted in (default: that of the training set)
lang=noinfo             # language, a part of names
# Options: features
feats_extract=fbank     # fbank, spectrogram or linear_spectrogram
feats_normalize=global_mvn  # global_mvn or none
n_fft=1024              # samples of an FFT
n_shift=256             # samples of a frame
win_length=null         # samples of the window
fmin=80                 # lowest frequency of mel bands in Hz
fmax=7600               # highest frequency of mel bands in Hz
n_mels=80               # mel bands
f0min=80                # lowest pitch in Hz
f0max=400               # highest pitch in Hz
# Options: tokens
token_type=phn          # phn, char or word
cleaner=tacotron        # text normalisation
g2p=g2p_en              # grapheme to phoneme conversion, for phn
nlsyms_txt=none         # file of symbols that are one token each
oov="<unk>"             # unknown symbol
blank="<blank>"         # blank
sos_eos="<sos/eos>"     # end of a text
# Options: synthesiser
tts_task=tts            # tts, or gan_tts for models that are trained against discriminators
train_config=           # configuration of training
train_args=             # options of training, such as "--max_epoch 10"
tag=                    # name of the model (default: of its configuration)
tts_exp=                # its directory
tts_stats_dir=          # directory of its statistics
teacher_dumpdir=        # directory with <set>/durations, the frames of each token, which FastSpeech needs
write_collected_feats=false  # keep pitch and energy of stage 6 for training
text_fold_length=150    # tokens after which batches get smaller
speech_fold_length=800  # frames after which batches get smaller
# Options: synthesis
inference_config=       # options of synthesis
inference_args=         # further ones, such as "--speed_control_alpha 1.1"
inference_tag=          # name of the synthesis (default: of its configuration)
inference_model=train.loss.ave.pth  # weights
vocoder_file=none       # weights of a vocoder, with config.yml beside it; none: Griffin-Lim, or the model's own
asr_bundle=none         # bundle of a recogniser that scores the speech, and accepts int8 graphs; none: no scores
asr_cleaner=none        # text normalisation before scoring
quantize=none           # int8: add 8-bit graphs to the bundle; none
# End of options

parse_options "$@"
fs=${fs/k/000}
for option in train_set valid_set test_sets train_config; do
    [ -n "${!option}" ] || die "--$option: expected a value, found none"
done
[ "$feats_type" = raw ] || die "--feats_type: expected raw, found $feats_type"
require_numbers stage stop_stage ngpu nj inference_nj fs n_fft n_shift n_mels text_fold_length speech_fold_length
for option in nj inference_nj fs n_fft n_shift n_mels; do
    [ "${!option}" -gt 0 ] || die "--$option: expected a number above 0, found ${!option}"
done
for option in use_sid use_lid use_spk_embed write_collected_feats gpu_inference skip_data_prep skip_train skip_eval; do
    require_one_of "$option" true false
done
require_one_of audio_format flac wav
require_one_of feats_extract fbank spectrogram linear_spectrogram log_spectrogram
require_one_of feats_normalize global_mvn none
require_one_of token_type phn char word
require_one_of tts_task tts gan_tts
require_one_of quantize int8 none
require_files train_config
if [ -n "$inference_config" ]; then require_files inference_config; fi
if [ "$nlsyms_txt" != none ]; then require_files nlsyms_txt; fi
if [ "$vocoder_file" != none ]; then require_files vocoder_file; fi
if [ "$asr_bundle" != none ] && [ ! -f "$asr_bundle/bundle.yaml" ]; then
    die "--asr_bundle: expected a bundle, found no file '$asr_bundle/bundle.yaml'"
fi
if [ "$use_spk_embed" = true ] && [ -z "$spk_embed_dir" ]; then
    die "--spk_embed_dir: expected a directory since --use_spk_embed is true, found none"
fi
require_words dumpdir expdir train_set valid_set lang tts_exp tts_stats_dir teacher_dumpdir spk_embed_dir
for number in $skip_stages; do
    [[ $number =~ ^[0-9]+$ ]] || die "--skip_stages: expected numbers of stages, found '$number'"
done
[ "$stage" -le "$stop_stage" ] || die "--stop_stage: expected $stage, the first stage, or a later one, found $stop_stage"
if [ "$skip_data_prep" = true ]; then skip_stages+=" 1 2 3 4 5"; fi
if [ "$skip_train" = true ]; then skip_stages+=" 6 7"; fi
if [ "$skip_eval" = true ]; then skip_stages+=" 8 10 11 12"; fi

. ./cmd.sh

# shellcheck source=../asr1/common_stages.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/common_stages.sh"

data_feats=$dumpdir/$feats_type
sets=("$train_set" "$valid_set")
read -r -d '' -a tests <<<"$test_sets" || true
tokens=$token_type
if [ "$cleaner" != none ]; then tokens+=_$cleaner; fi
if [ "$token_type" = phn ]; then tokens+=_$g2p; fi
token_list=data/${lang}_token_list/$tokens/tokens.txt
tag=${tag:-$(stem "$train_config")_${feats_type}_$tokens$(tag_of "$train_args")}
tts_exp=${tts_exp:-$expdir/${tts_task}_$tag}
tts_stats_dir=${tts_stats_dir:-$expdir/${tts_task}_stats_${feats_type}_$tokens}
if [ -z "$inference_tag" ]; then
    inference_tag=$(stem "${inference_config:-decode}")$(tag_of "$inference_args")_${inference_model%.pth}
fi
train_dir=$data_feats/$train_set valid_dir=$data_feats/$valid_set
srctexts=${srctexts:-$train_dir/text}
bundle=$tts_exp/bundle
text_options=(--token_type "$token_type" --token_list "$token_list" --non_linguistic_symbols "$nlsyms_txt"
    --cleaner "$cleaner" --g2p "$([ "$token_type" = phn ] && echo "$g2p" || echo none)" --use_preprocessor true)
read -r -d '' -a train_more <<<"$train_args" || true
read -r -d '' -a inference_more <<<"$inference_args" || true
if [ -n "$inference_config" ]; then inference_more+=(--config "$inference_config"); fi
model_files=("$tts_exp/config.yaml" "$tts_exp/$inference_model")
model_options=(--tts_train_config "$tts_exp/config.yaml" --tts_model_file "$tts_exp/$inference_model")
if [ "$vocoder_file" != none ]; then
    model_files+=("$vocoder_file")
    model_options+=(--vocoder_file "$vocoder_file")
fi

# shellcheck source=tts_stages.sh
. "$MAIN_ROOT/egs2/TEMPLATE/tts1/tts_stages.sh"

if runs 1 "data"; then prepare_data; fi
if runs 2 "format"; then format_audio; fi
if runs 3 "speakers and languages"; then number_speakers; fi
if runs 4 "remove long and short utterances"; then trim; fi
if runs 5 "tokens"; then make_tokens; fi
if runs 6 "statistics"; then collect_tts_stats; fi
if runs 7 "synthesiser"; then train_tts; fi
if runs 8 "speak with PyTorch"; then speak_torch; fi
if runs 9 "pack"; then pack_model; fi
if runs 10 "export to ONNX and verify"; then export_bundle; fi
if runs 11 "speak with the bundle"; then speak_bundle; fi
if [ "$asr_bundle" = none ]; then
    if runs 12 "score: left out, since --asr_bundle is none"; then :; fi
elif runs 12 "score"; then
    score_speech
fi
say "done"
