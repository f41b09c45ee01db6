"""Data of a training: files, preprocessing, batches."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.iterators.sequence_iter_factory import SequenceIterFactory
from espnet2.samplers.build_batch_sampler import build_batch_sampler
from espnet2.samplers.unsorted_batch_sampler import UnsortedBatchSampler
from espnet2.tasks.declaration import TaskDeclaration, require_fields
from espnet2.train.dataset import ESPnetDataset


class TrainingData:
    """Datasets and iterators of both phases by the options `args`; each process of several has its share."""

    def __init__(self, task: type[TaskDeclaration], args: Namespace) -> None:
        self.task, self.args = task, args
        self.rank, self.world_size = 0, 1
        self.datasets: dict[str, ESPnetDataset] = {}  # those that were checked

    def set_rank(self, trainer: Any) -> None:
        """Set the share of this process."""
        self.rank, self.world_size = trainer.global_rank, trainer.world_size

    def given(self) -> bool:
        """Whether options name any data."""
        return any(self._files(phase) or self._shapes(phase) for phase in ("train", "valid"))

    def check(self) -> None:
        """Raise `OptionError` or `DataError` for what is missing."""
        for phase in ("train", "valid"):
            if not self._files(phase):
                raise OptionError(f"{phase}_data_path_and_name_and_type: expected the data's files, found none")
            if not self._shapes(phase):
                raise OptionError(f"{phase}_shape_file: expected a file of the utterances' lengths, found none")
            missing = [path for path in self._shapes(phase) if not Path(path).is_file()]
            if missing:
                raise OptionError(f"{phase}_shape_file: expected a file, found no file {missing[0]!r}")
            self.sampler(phase)
            self.datasets[phase] = self.dataset(phase, phase == "train")

    def _files(self, phase: str) -> list[list[str]]:
        return getattr(self.args, f"{phase}_data_path_and_name_and_type")

    def _shapes(self, phase: str) -> list[str]:
        return getattr(self.args, f"{phase}_shape_file")

    def dataset(self, phase: str, train: bool) -> ESPnetDataset:
        """Build the dataset of a phase; `train` for random augmentation."""
        files = [tuple(item) for item in self._files(phase)]
        optional = (*self.task.optional_data_names(train), *getattr(self.args, "aux_ctc_tasks", []))
        require_fields(
            f"{phase}_data_path_and_name_and_type",
            [name for _, name, _ in files],
            self.task.required_data_names(train),
            optional,
            self.args.allow_variable_data_keys,
        )
        dtype = "float32" if self.args.train_dtype == "float16" else self.args.train_dtype
        return ESPnetDataset(
            files,  # type: ignore[arg-type]
            self.task.build_preprocess_fn(self.args, train),
            float_dtype=dtype,
            allow_multi_rates=self.args.allow_multi_rates,
        )

    def sampler(self, phase: str) -> Any:
        """Build the batch sampler of a phase; raises `OptionError` or `DataError`."""
        args, valid = self.args, phase == "valid"
        return build_batch_sampler(
            type=(args.valid_batch_type if valid else None) or args.batch_type,
            batch_size=(args.valid_batch_size if valid else None) or args.batch_size,
            batch_bins=(args.valid_batch_bins if valid else None) or args.batch_bins,
            shape_files=self._shapes(phase),
            sort_in_batch=args.sort_in_batch,
            sort_batch=args.sort_batch,
            drop_last=args.drop_last_iter and not valid,
            min_batch_size=max(args.min_batch_size, self.world_size),
            fold_lengths=args.fold_length,
            padding=True,
        )

    def factory(self, phase: str) -> SequenceIterFactory:
        """Build the iterator factory of a phase."""
        training = phase == "train"
        sampler = self.sampler(phase)
        logging.info("[%s] %s", phase, sampler)
        return SequenceIterFactory(
            self.datasets.get(phase) or self.dataset(phase, training),
            sampler,
            num_iters_per_epoch=self.args.num_iters_per_epoch if training else None,
            seed=self.args.seed,
            shuffle=training,
            num_workers=self.args.num_workers,
            collate_fn=self.task.build_collate_fn(self.args, training),
            pin_memory=self.args.ngpu > 0,
            rank=self.rank,
            world_size=self.world_size,
        )

    def first_batches(self, phase: str, count: int) -> list[Any]:
        """Return the first utterances of a phase, each as a batch, for pictures."""
        dataset = self.datasets.get(phase) or self.dataset(phase, train=False)
        keys = [(key,) for key, _ in zip(dataset, range(count), strict=False)]
        collate = self.task.build_collate_fn(self.args, False)
        return list(SequenceIterFactory(dataset, keys, collate_fn=collate).build_iter(1, shuffle=False))

    def statistics_batches(self, phase: str) -> Iterable[Any]:
        """Return the batches of every utterance of a phase once, in order, without augmentation."""
        dataset = self.dataset(phase, train=False)
        shapes = self._shapes(phase)
        keys = shapes[0] if shapes else self._files(phase)[0][0]
        size = (self.args.valid_batch_size if phase == "valid" else None) or self.args.batch_size
        batches = UnsortedBatchSampler(batch_size=size, key_file=keys)
        factory = SequenceIterFactory(
            dataset,
            batches,
            num_workers=self.args.num_workers,
            collate_fn=self.task.build_collate_fn(self.args, False),
            seed=self.args.seed,
        )
        return factory.build_iter(1, shuffle=False)
