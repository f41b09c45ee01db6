"""Packaging: the base install is the torch-free runtime, the extras add what export, tests and documentation need."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

RUNTIME = [
    "numpy>=1.26",
    "onnxruntime>=1.20",
    "sentencepiece>=0.2",
    "soundfile>=0.12",
    "PyYAML>=6.0",
    "soxr>=0.5",
    "tqdm>=4.66",
]
# The upper bound is the newest release that the tests ran with.
EXPORT = ["torch>=2.9,<2.14", "onnx>=1.18", "onnx_ir>=0.1.9", "onnxscript>=0.5.4", "typeguard>=4.3"]
HUGGINGFACE = ["transformers>=5,<6"]
TRAIN = ["pytorch_lightning>=2.5,<3", "tensorboard>=2.18", "matplotlib>=3.9", "jiwer>=4", "espeakng_loader>=0.2.4"]
PITCH = ["pyworld>=0.3.4", "setuptools<81"]  # it imports pkg_resources, which later releases have not
# Upstream's versions of black and isort, whose formatting differs from that of others.
PATCH = ["libcst>=1.8", "black==24.10.0", "isort==6.0.0"]
SERVE = ["fastapi>=0.115", "uvicorn>=0.32", "websockets>=13", "python-multipart>=0.0.18", "prometheus-client>=0.21"]
RAY = ["ray[data,serve]>=2.50", *SERVE]
OPUS = ["av>=14"]
EXTRAS = {
    "export": EXPORT,
    "train": [*EXPORT, *TRAIN, *PITCH],
    "hub": ["huggingface_hub>=0.30"],
    "huggingface": HUGGINGFACE,
    "tokenizers": ["tokenizers>=0.21"],
    "whisper": ["openai-whisper>=20231117"],
    "g2p": [
        "g2p_en>=2.1",
        "pypinyin>=0.50",
        "pyopenjtalk>=0.3",
        "phonemizer>=3.2",
        "espeakng_loader>=0.2.4",
        "jaconv>=0.3",
        "espnet_tts_frontend>=0.0.3",
    ],
    "ngram": ["kenlm>=0.2"],
    "align": ["ctc-segmentation>=1.7"],
    "patch": PATCH,
    "serve": SERVE,
    "ray": RAY,
    "opus": OPUS,
    "test": [
        "pytest>=8.3",
        "pytest-xdist>=3.6",
        "hypothesis>=6.100",
        "kaldiio>=2.18",
        "h5py>=3.11",
        "ruff>=0.12",
        "mypy>=1.15",
        "import-linter>=2.3",
        "pypinyin>=0.50",
        "sherpa-onnx>=1.12",
        "types-PyYAML",
        "types-tqdm",
        *HUGGINGFACE,
        *TRAIN,
        *PITCH,
        *PATCH,
        *SERVE,
        *OPUS,
        "httpx>=0.27",
        "openai>=1.60",
    ],
    "doc": ["mkdocs>=1.6,<2"],
}

setup(
    name="espnet",
    version=(ROOT / "espnet" / "version.txt").read_text(encoding="utf-8").strip(),
    description="ESPnet models that export natively to ONNX, and a torch-free runtime for them",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    packages=find_packages(include=["espnet*", "espnet2*"]),
    package_data={"espnet": ["version.txt"], "espnet2": ["serving/page.html"]},
    python_requires=">=3.10,<3.14",
    install_requires=RUNTIME,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["espnet = espnet2.bin.cli:main"]},
)
