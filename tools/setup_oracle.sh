#!/usr/bin/env bash
# Install upstream ESPnet in an environment of its own, to make goldens and to compare with.
# usage: tools/setup_oracle.sh [directory, default .oracle] [release, default 202511, of which the goldens are]
# then: .oracle/bin/python tools/make_golden.py
# It never shares an environment with this project: both provide the packages espnet and espnet2.
set -euo pipefail
dir=${1:-.oracle} release=${2:-202511}
"${PYTHON:-python3}" -m venv "$dir"
install() { "$dir/bin/python" -m pip install --quiet "$@"; }
install 'torch>=2.9,<2.14'
# Upstream's own list of dependencies does not resolve with a current pip (ci_sdr declares a direct URL), hence --no-deps.
# Releases from 202609 ask for Python 3.12; they run on 3.11 all the same.
install --no-deps --ignore-requires-python "espnet==$release" espnet_tts_frontend==0.0.4 espnet_model_zoo==0.1.7 asteroid_filterbanks==0.4.0 \
    fast-bss-eval==0.1.3 torchaudio==2.11.0 parallel_wavegan==0.6.1
install 'setuptools<81' packaging configargparse typeguard humanfriendly scipy filelock librosa PyYAML soundfile h5py kaldiio \
    torch_complex protobuf hydra-core opt-einsum sentencepiece pypinyin editdistance nltk jamo einops g2p_en unidecode jaconv \
    pyworld huggingface_hub pandas tqdm onnx onnxruntime onnxscript 'importlib-metadata<5'
if [ "$release" -ge 202609 ]; then install omniio; fi
site=$("$dir/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
rm -f "$site"/torchaudio/lib/*.so                             # native parts want CUDA; upstream imports only the Python parts
mkdir -p "$site/ci_sdr" && touch "$site/ci_sdr/__init__.py"   # imported by the tasks, used by none that is compared with
"$dir/bin/python" -c 'from espnet2.tasks.asr import ASRTask; from espnet2.tasks.lm import LMTask; print("oracle ready")'
