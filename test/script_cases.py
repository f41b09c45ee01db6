"""Calls of what scripts import, whose results are plain values: for `tools/make_script_golden.py`, and for tests.

Files are written to, and read from, the working directory.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

LENGTHS = {"a": 8, "b": 2, "c": 2, "d": 11, "e": 9, "f": 5, "g": 2, "h": 6}
CATEGORIES = {"small": (4, 3, 5), "uneven": (11, 3, 5), "many": (3, 70, 40, 1, 120, 9)}
TASKS = ("asr:ASRTask", "lm:LMTask", "asr_transducer:ASRTransducerTask")


class Pieces:
    """A data set of arrays that tell where a chunk comes from; utterances are of two categories."""

    def __init__(self, categories: bool) -> None:
        self.categories = categories

    def __getitem__(self, name: str) -> tuple[str, dict[str, np.ndarray]]:
        place = list(LENGTHS).index(name)
        arrays = {"x": np.arange(100 * place, 100 * place + LENGTHS[name]), "aux": np.arange(2)}
        return name, arrays | ({"utt2category": np.array([place % 2])} if self.categories else {})


CHUNKS: tuple[dict[str, Any], ...] = (
    {"chunk_length": 3},
    {"chunk_length": 4, "shuffle": True, "seed": 3},
    {"chunk_length": "2,4", "chunk_shift_ratio": 1.0},
    {"chunk_length": "3-5", "shuffle": True},
    {"chunk_length": "2-3", "shuffle": True, "num_cache_chunks": 3},
    {"chunk_length": 3, "num_samples_per_epoch": 3, "shuffle": True},
    {"chunk_length": 3, "discard_short_samples": False},
)


def chunks(module: str, name: str, batches: list[list[str]], categories: bool) -> list[Any]:
    """Of each case, the batches of two epochs."""
    from importlib import import_module

    from espnet2.train.collate_fn import CommonCollateFn

    factory_of = getattr(import_module(f"espnet2.iterators.{module}"), name)
    found = []
    for options in CHUNKS:
        factory = factory_of(
            Pieces(categories),
            batch_size=2,
            batches=batches,
            collate_fn=CommonCollateFn(int_pad_value=-1),
            excluded_key_prefixes=["aux"],
            **options,
        )
        for epoch in (1, 2):
            batch_of = factory.build_iter(epoch)
            found.append(
                [[list(uids), {key: batch[key].tolist() for key in sorted(batch)}] for uids, batch in batch_of]
            )
    return found


def categories() -> dict[str, Any]:
    """Balanced batches by the number of categories, the batch's size, and the epoch."""
    from espnet2.samplers.category_balanced_sampler import CategoryBalancedSampler

    found = {}
    for name, counts in CATEGORIES.items():
        lines = [f"c{index} {' '.join(f'{index}_{n}' for n in range(count))}\n" for index, count in enumerate(counts)]
        Path(name).write_text("".join(lines))
        for size, epoch in ((1, 1), (2, 1), (2, 2), (3, 3), (4, 1), (8, 5)):
            sampler = CategoryBalancedSampler(size, category2utt_file=name, epoch=epoch)
            found[f"{name} {size} {epoch}"] = [list(batch) for batch in sampler]
    return found


def multiple() -> list[Any]:
    """The order of five data sets in five epochs."""
    from espnet2.iterators.abs_iter_factory import AbsIterFactory
    from espnet2.iterators.multiple_iter_factory import MultipleIterFactory

    class One(AbsIterFactory):
        def __init__(self, number: int) -> None:
            self.number = number

        def build_iter(self, epoch: int, shuffle: bool | None = None) -> Any:
            return [[self.number, epoch, shuffle]]

    build_funcs = [partial(One, number) for number in range(5)]
    orders = [(epoch, shuffle) for epoch in range(1, 6) for shuffle in (None, False)]
    factory = MultipleIterFactory(build_funcs, seed=2, shuffle=True)
    return [list(factory.build_iter(epoch, shuffle)) for epoch, shuffle in orders]


def error_rates() -> list[Any]:
    """Of scores without and with ties."""
    from espnet2.utils.eer import ComputeErrorRates, ComputeMinDcf, tuneThresholdfromScore

    rng = random.Random(0)
    found: list[Any] = []
    for digits in (6, 1):
        scores = [round(rng.random(), digits) for _ in range(60)]
        labels = [int(score + rng.gauss(0, 0.4) > 0.5) for score in scores]
        points, equal, fpr, fnr = tuneThresholdfromScore(scores, labels, [1, 0.1, 0.0], [0.2, 0.05])
        rates = ComputeErrorRates(scores, labels)
        costs = [list(ComputeMinDcf(*rates, *options)) for options in ((0.05, 1, 1), (0.5, 2, 1))]
        plain = [[float(value) for value in point] for point in points]
        found.append([plain, float(equal), fpr.tolist(), fnr.tolist(), [list(rate) for rate in rates], costs])
    return found


class Parts(torch.nn.Module):
    """A model, some of whose parameters are not trained."""

    def __init__(self, size: int, dtype: torch.dtype, frozen: int) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(size, 10).to(dtype), torch.nn.Linear(size, 1).double()
        for place, parameter in enumerate(self.parameters()):
            parameter.requires_grad = place >= frozen


def summaries() -> list[str]:
    """Of models of several sizes."""
    from espnet2.torch_utils.model_summary import model_summary

    sizes = ((3, torch.float32, 0), (77, torch.float16, 2), (9999, torch.float32, 1), (123456, torch.float64, 4))
    return [model_summary(Parts(*size)) for size in sizes]


def counts() -> list[Any]:
    """Counts in words, and bytes of types."""
    from espnet2.torch_utils.model_summary import get_human_readable_count, to_bytes

    numbers = (0, 1, 999, 1000, 123456, 7500000, 2 * 10**9, 10**15)
    dtypes = (torch.float32, torch.float16, torch.int64, torch.bfloat16)
    return [[get_human_readable_count(number) for number in numbers], [to_bytes(dtype) for dtype in dtypes]]


def noise() -> list[Any]:
    """Gradients with noise, by the number of the step and its options."""
    from espnet2.torch_utils.add_gradient_noise import add_gradient_noise

    found = []
    for options in ({}, {"duration": 50, "eta": 2.0, "scale_factor": 0.3}):
        for step in (0, 100, 250):
            layer = torch.nn.Linear(2, 1)
            layer.weight.grad = torch.ones(1, 2)
            torch.manual_seed(0)
            add_gradient_noise(layer, step, **options)
            found.append([layer.weight.grad.tolist(), layer.bias.grad])
    return found


def seeds() -> list[float]:
    """The first numbers of three generators."""
    from espnet2.torch_utils.set_all_random_seed import set_all_random_seed

    set_all_random_seed(5)
    return [random.random(), float(np.random.rand()), float(torch.rand(1))]


def defaults() -> list[Any]:
    """Default arguments of functions and classes."""
    from espnet2.utils.get_default_kwargs import get_default_kwargs

    # Mutable defaults are what is asked about.
    def function(a, b=1, *, c=(1, {"x": (2,)}), d=torch.float32, g=None, h={1}, i={"a": torch.nn}, j={3: 5}, **k):  # noqa: B006
        pass

    return [get_default_kwargs(function), get_default_kwargs(torch.nn.Linear)]


WORDS = {
    "str_or_int": ("3", "3 ", "aa", "3.5", " x "),
    "str2pair_str": ("a, b", "['a', 'b']", "(a,b)", '("a" , b)'),
    "str2triple_str": ("a,b, c", "['a', 'b', 'c']"),
    "remove_parenthesis": (" (a v c) ", "[ 0999 ]", "(a]", "((a))", "a"),
    "remove_quotes": ("'a'", '"a"', "'a\"", "a", " 'a'"),
    "humanfriendly_parse_size_or_none": ("3k", "2m ", "none", "10", "1.5GB", "3 KiB", "3kb", "7 bytes"),
}


def words() -> dict[str, Any]:
    """Results of the types of options."""
    from espnet2.utils import types

    read = {name: [getattr(types, name)(value) for value in values] for name, values in WORDS.items()}
    return {name: [list(value) if isinstance(value, tuple) else value for value in read[name]] for name in read}


def gathered() -> list[str]:
    """Nested data on a device, and as tensors that can be gathered."""
    from espnet2.torch_utils.device_funcs import force_gatherable, to_device

    data = {
        "int": 3, "float": 2.5, "bool": True, "none": None, "array": np.array([1, 2]), "number": np.array(3.0),
        "scalar": torch.tensor(3.0), "vector": torch.tensor([1, 2]), "nested": (1, [2.0]), "text": "x",
    }  # fmt: skip
    return [repr(force_gatherable(data, "cpu")), repr(to_device(data, "cpu")), repr(to_device(data, "cpu", "float64"))]


HUBERT: tuple[dict[str, Any], ...] = (
    {},
    {"pad": True, "label_downsampling": 2},
    {"rand_crop": False},
    {"crop_audio": False, "label_downsampling": 3},
    {"rand_crop": False, "window_size": 80, "window_shift": 40},
    {"pad": True, "not_sequence": ("speech",)},
)


def frames_and_labels() -> list[Any]:
    """Speech (every 500th sample) and labels, cut and padded."""
    from espnet2.train.collate_fn import HuBERTCollateFn

    sizes = {"a": (1600, 4), "b": (2200, 6), "c": (1901, 5)}
    data = [
        (name, {"speech": np.arange(float(size)), "text": np.arange(count)}) for name, (size, count) in sizes.items()
    ]
    found = []
    for options in HUBERT:
        torch.manual_seed(0)
        uids, batch = HuBERTCollateFn(0.5, -1, **options)(data)
        speech = batch.pop("speech")
        found.append([uids, list(speech.shape), speech[:, ::500].tolist(), {key: batch[key].tolist() for key in batch}])
    return found


def choices() -> list[Any]:
    """Options whose values are classes."""
    from argparse import ArgumentParser

    from espnet2.train.class_choices import ClassChoices

    classes = {"a": torch.nn.ReLU, "b": torch.nn.GELU}
    found: list[Any] = []
    for optional in (False, True):
        choice = ClassChoices("foo", classes, type_check=torch.nn.Module, default="a", optional=optional)
        parser = ArgumentParser()
        choice.add_arguments(parser)
        lines: list[list[str]] = [[], ["--foo", "B", "--foo_conf", "a=1"], ["--foo", "none"] if optional else []]
        found.append([list(choice.choices()), [vars(parser.parse_args(line)) for line in lines]])
        found.append([choice.get_class("b").__name__, choice.get_class(None) if optional else None])
    return found


def random_arrays() -> list[Any]:
    """Arrays of random numbers, of given shapes."""
    from espnet2.train.dataset import ESPnetDataset

    Path("random_shapes").write_text("a 3,2\nb 4\n")
    found = []
    for kind in ("rand_float", "rand_int_0_10", "rand_int_3_4"):
        dataset = ESPnetDataset([("random_shapes", "x", kind)])
        np.random.seed(0)
        found.append([dataset[name][1]["x"].tolist() for name in ("a", "b", "a")])
    return found


SEGMENTS: tuple[dict[str, Any], ...] = (
    {"scoring_length": 30},
    {"gratis_blank": True},
    {"gratis_blank": False, "scoring_length": 5},
    {"text_converter": "classic", "set_blank": 2},
    {"set_blank": 0, "replace_spaces_with_blanks": True},
    {"text_converter": "tokenize", "kaldi_style_text": False},
    {"time_stamps": "fixed", "samples_to_frames_ratio": 500, "fs": 8000},
)
TINY = ("num_blocks=1", "output_size=16", "attention_heads=2", "linear_units=16")
TEXTS = "\nutt_a HOTELS\nutt_b HOLIDAY'S STRATEGY\nutt_c ASSETS é\n\nutt_d PROPERTY MANAGEMENT\n"


def write_recogniser() -> tuple[str, str]:
    """The configuration and weights of a tiny model of CTC, with the commands of a task."""
    from espnet2.tasks.asr import ASRTask

    tokens = ["<blank>", *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "<space>", "'", "<unk>", "<sos/eos>"]
    Path("tokens.txt").write_text("".join(f"{token}\n" for token in tokens))
    options = ["--dry_run=true", "--output_dir=asr", "--token_list=tokens.txt", "--token_type=char"]
    options += ["--encoder=transformer", "--model_conf=ctc_weight=1.0"]
    ASRTask.main(cmd=[*options, *(f"--encoder_conf={option}" for option in TINY)])
    model, _ = ASRTask.build_model_from_file("asr/config.yaml")
    torch.save(model.state_dict(), "asr/model.pth")
    return "asr/config.yaml", "asr/model.pth"


def segments() -> list[Any]:
    """Texts aligned with log-probabilities, by options."""
    from espnet2.bin.asr_align import CTCSegmentation

    aligner = CTCSegmentation(*write_recogniser(), min_window_size=10)
    lpz = np.log(np.random.RandomState(0).dirichlet(np.ones(57) * 0.05, 200) + 1e-9).astype(np.float32)
    found = []
    for options in SEGMENTS:
        aligner.set_config(**options)
        task = aligner.prepare_segmentation_task(TEXTS, lpz, None, 200 * 512)
        task.set(**aligner.get_segments(task))
        begins = [int(index) for index in task.utt_begin_indices]
        found.append([str(task), task.config.index_duration, list(task.text), task.utt_ids, begins])
    task.set(print_utterance_text=False, print_confidence_score=False, name="recording")
    return [*found, str(task), aligner.estimate_samples_to_frames_ratio()]


GENERATED: tuple[dict[str, Any], ...] = (
    {"beam_size": 2, "nbest": 2, "maxlen": 5},
    {"beam_size": 2, "nbest": 2, "maxlen": 5, "minlen": 2},
    {"beam_size": 3, "maxlen": 4, "penalty": 2.0},
    {"beam_size": 3, "nbest": 3, "maxlen": 0},
    {"beam_size": 3, "nbest": 2, "maxlen": 7, "minlen": 7},
)


def write_language_model() -> tuple[str, str]:
    """The configuration and weights of a tiny language model that is told apart by tokens what it goes on with."""
    from espnet2.tasks.lm import LMTask

    tokens = ["<blank>", "<unk>", *"abcdefg", "<space>", "<generatetext>", "<generatespeech>", "<sos/eos>"]
    Path("lm_tokens.txt").write_text("".join(f"{token}\n" for token in tokens))
    options = ["--dry_run=true", "--output_dir=lm", "--token_list=lm_tokens.txt", "--token_type=char"]
    conf = "{embed_unit: 8, att_unit: 8, head: 2, unit: 16, layer: 1}"
    LMTask.main(cmd=[*options, "--model=lm_multitask", "--lm=transformer", f"--lm_conf={conf}"])
    model, _ = LMTask.build_model_from_file("lm/config.yaml")
    rng = np.random.RandomState(0)
    state = {name: torch.from_numpy(rng.randn(*model.state_dict()[name].shape)) for name in sorted(model.state_dict())}
    torch.save({name: tensor.float() for name, tensor in state.items()}, "lm/model.pth")
    return "lm/config.yaml", "lm/model.pth"


def continuations() -> list[Any]:
    """Continuations of a language model."""
    from espnet2.bin.lm_inference import GenerateText

    files, found = write_language_model(), []
    for options in GENERATED:
        generate = GenerateText(*files, **options)
        for text in ("abc", "a b", np.array([2, 3, 4]), torch.tensor([10, 3])):
            for line, tokens, ids, hypothesis in generate(text):
                scores = {name: float(score) for name, score in hypothesis.scores.items()}
                found.append([line, tokens, ids, float(hypothesis.score), scores, hypothesis.yseq.tolist()])
    return found


def schedules() -> list[float]:
    """The rate of a schedule that has another's rates."""
    from espnet2.schedulers.noam_lr import NoamLR

    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1.0)
    schedule = NoamLR(optimizer, model_size=256, warmup_steps=4000)
    return [schedule.lr_for_WarmupLR(10.0), schedule.lr_for_WarmupLR(0.5)]


def names_of_tasks() -> dict[str, Any]:
    """Fields of the data that tasks ask for, and options that they leave out."""
    from importlib import import_module

    found: dict[str, Any] = {}
    for target in TASKS:
        module, name = target.split(":")
        task = getattr(import_module(f"espnet2.tasks.{module}"), name)
        both = [(train, inference) for train in (True, False) for inference in (True, False)]
        found[name] = {
            "required": [list(task.required_data_names(*phase)) for phase in both],
            "optional": [list(task.optional_data_names(*phase)) for phase in both],
            "excluded": sorted(task.exclude_opts()),
            "optimizers": task.num_optimizers,
        }
    return found


SINGLE = [[name] for name in LENGTHS]
GROUPS = [["a", "b"], ["d", "e"], ["c", "a"], ["h", "f"]]
CASES: dict[str, Callable[[], Any]] = {
    "chunk": partial(chunks, "chunk_iter_factory", "ChunkIterFactory", SINGLE, False),
    "chunk of categories": partial(chunks, "chunk_iter_factory", "ChunkIterFactory", SINGLE, True),
    "category_chunk": partial(chunks, "category_chunk_iter_factory", "CategoryChunkIterFactory", GROUPS, False),
    "category_balanced_sampler": categories,
    "multiple": multiple,
    "eer": error_rates,
    "model_summary": summaries,
    "human_readable_count": counts,
    "add_gradient_noise": noise,
    "set_all_random_seed": seeds,
    "get_default_kwargs": defaults,
    "types": words,
    "device_funcs": gathered,
    "lr_for_WarmupLR": schedules,
    "HuBERTCollateFn": frames_and_labels,
    "ClassChoices": choices,
    "random arrays": random_arrays,
    "asr_align": segments,
    "lm_inference": continuations,
    "data names": names_of_tasks,
}
