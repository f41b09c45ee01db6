"""Speech synthesis with PyTorch: `Text2Speech` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from espnet2.inference.prepare import prepare
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import BundleError, ConfigError, DataError, OptionError
from espnet2.interface.families import FAMILIES, family_of
from espnet2.main_funcs.pretrained import find_model
from espnet2.runtime.conditions import SPEECH, condition
from espnet2.runtime.graph_calls import Arrays
from espnet2.runtime.speak import speak
from espnet2.runtime.speak_arguments import synthesis_options
from espnet2.runtime.synthesis_flow import ALIGNMENT, DURATION, FOCUS, gives_units
from espnet2.runtime.synthesis_model import SynthesisModel
from espnet2.runtime.synthesis_options import SynthesisOptions, warn_of_unread
from espnet2.runtime.tts import GIVEN, Synthesizer
from espnet2.utils.attention_durations import durations_of
from espnet2.utils.yaml_file import read_mapping

if TYPE_CHECKING:
    from typing_extensions import Self

ITERATIONS = "griffin_lim_iters"


class TorchSynthesizer(Synthesizer):
    """A trained synthesiser on PyTorch, whose results are arrays; see `Text2Speech`."""

    def __init__(
        self,
        files: Mapping[str, Path | str | None],
        options: SynthesisOptions,
        device: str = "cpu",
        dtype: str = "float32",
        untrained: bool = False,
    ) -> None:
        settings = _griffin_lim(files)
        given: dict[str, Any] = {n: path for n, path in files.items() if not (settings and n == "vocoder_config")}
        trained = load_trained(**given, untrained=untrained, family=family_of("tts"))
        prepare(trained, device, dtype)
        self.trained = trained
        self.device, self.dtype = device, dtype
        self.model, self.tts, self.train_args = trained.model, trained.model.tts, trained.config
        model: SynthesisModel = trained.runtime_model(options)
        if settings and gives_units(graph.component for graph in model.graphs.values()):
            named = files["vocoder_config"]
            raise ConfigError(f"{named}: expected vocoder_file with it, since the model gives units; found none")
        if settings:
            options = dataclasses.replace(options, **{ITERATIONS: settings.pop(ITERATIONS, options.griffin_lim_iters)})
            settings = {**model.section.griffin_lim, **settings}
            try:
                section = dataclasses.replace(model.section, griffin_lim=settings)
            except BundleError as error:
                raise ConfigError(f"{files['vocoder_config']}: {error}") from error
            model = dataclasses.replace(model, section=section)
        warn_of_unread(options, [graph.component for graph in model.graphs.values()])
        super().__init__(model, options)

    def _batch(
        self, texts: Sequence[Any], given: Sequence[Mapping[str, Any]], decode_conf: Mapping[str, Any] | None
    ) -> list[Arrays]:
        """See `Synthesizer.batch`; with teacher forcing, end-to-end models reconstruct `speech`, samples (N,)."""
        if self.model.tts.require_vocoder or not self._options(decode_conf).use_teacher_forcing:
            return super()._batch(texts, given, decode_conf)
        return [self._reconstructed(text, values) for text, values in zip(texts, given, strict=True)]

    @torch.inference_mode()
    def _reconstructed(self, text: Any, given: Mapping[str, Any]) -> Arrays:
        """Results of the model for one text and its speech."""
        if given.get(SPEECH) is None:
            raise DataError("speech: expected samples, which use_teacher_forcing needs, found none")
        values = {name: condition(tensor, given.get(name)) for name, tensor in self.conditions.items()}
        values |= {"text": self._model.ids(text), SPEECH: np.asarray(given[SPEECH], np.float32)}
        fed = {name: torch.as_tensor(value, device=self.device) for name, value in values.items()}
        found = self.model.inference(**fed, use_teacher_forcing=True)
        results = {name: value.cpu().numpy() for name, value in found.items()}
        if ALIGNMENT in results:
            results[DURATION], results[FOCUS] = durations_of(results[ALIGNMENT])
        return results

    def _forced(self, values: Mapping[str, Any], options: SynthesisOptions) -> Mapping[str, Any] | None:
        """With teacher forcing, what is not given is measured of `speech`, samples (N,)."""
        given = super()._forced(values, options)
        speech = values.get(SPEECH)
        if given is None or speech is None:
            return given
        return {**given, **self._measured(speech, given.get("durations"), given)}

    @torch.inference_mode()
    def _measured(self, speech: Any, durations: Any, given: Mapping[str, Any]) -> Arrays:
        """Features, pitch and energy of speech, normalised as in training, but for those that are given."""
        samples = torch.as_tensor(np.asarray(speech, np.float32), device=self.device)
        steps = None if durations is None else torch.as_tensor(np.asarray(durations), device=self.device)
        found = self.model.measured(samples, steps, [name for name in GIVEN if given.get(name) is not None])
        return {name: found[name].cpu().numpy() for name in ("feats", *GIVEN) if name in found}


class Text2Speech(TorchSynthesizer):
    """Speaks texts with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Results are tensors.

    Args:
        train_config: config.yaml of the synthesiser.
        model_file: Its weights; None: random ones, with a warning.
        threshold, minlenratio, maxlenratio, use_teacher_forcing, use_att_constraint, backward_window, forward_window,
            speed_control_alpha, noise_scale, noise_scale_dur, seed, always_fix_seed, prefer_normalized_feats: See
            `espnet2.runtime.synthesis_options.SynthesisOptions`.
        vocoder_config: Configuration of the vocoder; without `vocoder_file`, options of Griffin-Lim.
        vocoder_file: Its weights.
        dtype: Of floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        device: Where PyTorch computes.

    Raises:
        OptionError: An option has a value that is not allowed.
    """

    def __init__(
        self,
        train_config: Path | str | None = None,
        model_file: Path | str | None = None,
        threshold: float = SynthesisOptions.threshold,
        minlenratio: float = SynthesisOptions.minlenratio,
        maxlenratio: float = SynthesisOptions.maxlenratio,
        use_teacher_forcing: bool = SynthesisOptions.use_teacher_forcing,
        use_att_constraint: bool = SynthesisOptions.use_att_constraint,
        backward_window: int = SynthesisOptions.backward_window,
        forward_window: int = SynthesisOptions.forward_window,
        speed_control_alpha: float = SynthesisOptions.speed_control_alpha,
        noise_scale: float = SynthesisOptions.noise_scale,
        noise_scale_dur: float = SynthesisOptions.noise_scale_dur,
        vocoder_config: Path | str | None = None,
        vocoder_file: Path | str | None = None,
        dtype: str = "float32",
        device: str | torch.device = "cpu",
        seed: int = SynthesisOptions.seed,
        always_fix_seed: bool = SynthesisOptions.always_fix_seed,
        prefer_normalized_feats: bool = SynthesisOptions.prefer_normalized_feats,
    ) -> None:
        options = SynthesisOptions(
            threshold=threshold,
            minlenratio=minlenratio,
            maxlenratio=maxlenratio,
            use_teacher_forcing=use_teacher_forcing,
            use_att_constraint=use_att_constraint,
            backward_window=backward_window,
            forward_window=forward_window,
            speed_control_alpha=speed_control_alpha,
            noise_scale=noise_scale,
            noise_scale_dur=noise_scale_dur,
            seed=seed,
            always_fix_seed=always_fix_seed,
            prefer_normalized_feats=prefer_normalized_feats,
        )
        files = _files(train_config, model_file, vocoder_config, vocoder_file)
        super().__init__(files, options, str(device), dtype, untrained=True)

    def __call__(self, *given: Any, **further: Any) -> Any:
        """See `Synthesizer`; the results are tensors."""
        return _tensors(super().__call__(*map(_array, given), **_arrays(further)))

    def batch(
        self,
        texts: Sequence[Any],
        given: Sequence[Mapping[str, Any]] | None = None,
        decode_conf: Mapping[str, Any] | None = None,
    ) -> Any:
        """See `Synthesizer`; the results are tensors."""
        rows = None if given is None else [_arrays(values) for values in given]
        return [_tensors(one) for one in super().batch([_array(text) for text in texts], rows, decode_conf)]

    def stream(self, *given: Any, **further: Any) -> Any:
        """See `Synthesizer`; the pieces are tensors."""
        return map(_tensor, super().stream(*map(_array, given), **_arrays(further)))

    def batch_call(self, *given: Any, **further: Any) -> Any:
        """See `Synthesizer`; the results are tensors."""
        return _tensors(super().batch_call(*map(_array, given), **_arrays(further)))

    @classmethod
    def from_pretrained(cls, model_tag: str | None = None, vocoder_tag: str | None = None, **options: Any) -> Self:
        """The synthesiser of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub.

        `vocoder_tag` is the file of a vocoder's weights.
        """
        own_vocoder = any(options.get(name) is not None for name in _NAMES[2:])
        return cls(**{**_tagged(model_tag, vocoder_tag, own_vocoder), **options})


def _array(value: Any) -> Any:
    """A tensor as an array; another value as it is."""
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def _arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _array(value) for name, value in values.items()}


def _tensors(results: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays, and lists of arrays, as tensors."""
    return {
        name: list(map(_tensor, value)) if isinstance(value, list) else _tensor(value)
        for name, value in results.items()
    }


def _tensor(value: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(value)) if value.ndim else torch.tensor(value.item())


def _files(
    train_config: Path | str | None,
    model_file: Path | str | None,
    vocoder_config: Path | str | None,
    vocoder_file: Path | str | None,
) -> dict[str, Path | str | None]:
    """Files by the options of `espnet2.interface.families`; raises `OptionError` for weights that are not there."""
    for name, path in (("model_file", model_file), ("vocoder_file", vocoder_file)):
        if path is not None and not Path(path).is_file():
            raise OptionError(f"{name}: expected a file, found no such file: {path}")
    row = FAMILIES["tts"]
    own = {row.config: train_config, row.weights: model_file}
    return {**own, "vocoder_config": vocoder_config, "vocoder_file": vocoder_file}


def _tagged(model_tag: str | None, vocoder_tag: str | None, own_vocoder: bool = False) -> dict[str, Any]:
    """Arguments of `Text2Speech` that a packed model and a vocoder give; an own vocoder replaces the packed one."""
    found: dict[str, Any] = {}
    if model_tag is not None:
        packed = find_model(model_tag=model_tag)
        names = _NAMES[:2] if own_vocoder or vocoder_tag is not None else _NAMES
        found = {name: packed[name] for name in names if name in packed}
    if vocoder_tag is not None:
        if not Path(vocoder_tag).is_file():
            raise OptionError(f"vocoder_tag: expected the file of a vocoder's weights, found {vocoder_tag!r}")
        found["vocoder_file"] = vocoder_tag
    return found


def _griffin_lim(files: Mapping[str, Path | str | None]) -> dict[str, Any]:
    """Options of Griffin-Lim, where there is a config of a vocoder without weights."""
    path = files.get("vocoder_config")
    if path is None or files.get("vocoder_file") is not None:
        return {}
    known = {"n_fft", "n_shift", "fs", "n_mels", "win_length", "window", "fmin", "fmax", ITERATIONS}
    settings = read_mapping(path)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ConfigError(f"{path}: expected options of Griffin-Lim, or --vocoder_file with it, found {unknown[0]!r}")
    return settings


def synthesize(args: argparse.Namespace) -> int:
    """Speak the texts that the options of a command name; returns the exit status."""

    def load() -> TorchSynthesizer:
        files = _files(args.train_config, args.model_file, args.vocoder_config, args.vocoder_file)
        if args.model_tag is not None or args.vocoder_tag is not None:
            own_vocoder = args.vocoder_file is not None or args.vocoder_config is not None
            tagged = _tagged(args.model_tag, args.vocoder_tag, own_vocoder)
            files |= {name: path for name, path in _files(**{**dict.fromkeys(_NAMES), **tagged}).items() if path}
        if files[FAMILIES["tts"].weights] is None:
            raise OptionError("--model_file: expected the weights of a synthesiser (or --model_tag), found none")
        options = SynthesisOptions.from_keywords(synthesis_options(args))
        return TorchSynthesizer(files, options, "cuda" if args.ngpu > 0 else "cpu", args.dtype)

    return speak(args, load)


_NAMES = ("train_config", "model_file", "vocoder_config", "vocoder_file")
