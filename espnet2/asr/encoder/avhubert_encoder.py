"""Audio-visual HuBERT (Shi et al. 2022), which is not supported."""

from __future__ import annotations

from typeguard import typechecked

from espnet2.interface.errors import MissingPackageError


class FairseqAVHubertEncoder:
    """Encoder of video and speech from a checkpoint of package fairseq; the options are upstream's.

    Raises:
        MissingPackageError: always; use the encoders `hubert` and `torchaudiohubert` for speech alone.
    """

    @typechecked
    def __init__(
        self,
        input_size: int = 1,
        avhubert_url: str = "./",
        avhubert_dir_path: str = "./",
        freeze_finetune_updates: int = 0,
        encoder_embed_dim: int = 1024,
        encoder_layerdrop: float = 0.05,
        dropout_input: float = 0.1,
        dropout_features: float = 0.1,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        feature_grad_mult: float = 0.1,
        activation_dropout: float = 0.0,
        wav_input: bool = False,
        layer_norm_first: bool = True,
        audio_feat_dim: int = 104,
        encoder_layers: int = 24,
        encoder_ffn_embed_dim: int = 4096,
        encoder_attention_heads: int = 16,
        extracted: bool = False,
        pretrain: bool = True,
        modality_dropout: float = 0.0,
        audio_dropout: float = 0.0,
        noise_augmentation: bool = False,
        noise_path: str = "./data/babble_noise.pt",
        max_noise_weight: float = 0.5,
        audio_only: bool = False,
    ):
        raise MissingPackageError(
            f"avhubert: expected package fairseq and the checkpoint {avhubert_url} that it downloads, found no way to "
            "export them; pip install fairseq to run this recogniser in upstream ESPnet, or use encoder hubert"
        )
