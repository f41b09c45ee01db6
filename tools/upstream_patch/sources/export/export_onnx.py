#!/usr/bin/env python3
"""Export a trained recogniser to ONNX graphs that run without PyTorch.

The result is a bundle: a directory with `bundle.yaml`, which holds all that inference
needs, and the graphs of `espnet2.main_funcs.onnx_graphs`. Every graph is compared with
PyTorch at several lengths, alone and in padded batches, and no bundle is written where
they differ.

This needs PyTorch 2.6, and the packages onnx, onnxscript and onnxruntime.
"""

import argparse
import hashlib
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import yaml

from espnet2.main_funcs.onnx_graphs import lm_graph, recogniser_graphs, samples_for
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

FORMAT_VERSION = 2
OPSET = 20
TOLERANCE = 1e-4  # relative to a value where it exceeds 1
LARGE = 100_000_000  # bytes of weights that are stored in a file of their own
TEXTS = ("bpe", "char", "word", "phn")  # kinds of tokens that a bundle can join to text
# Sizes of the axes of traced inputs: none is 0 or 1, which would be frozen.
TRACED = {"batch": 2, "beam": 3, "parent": 4, "past": 5, "frames": 19, "samples": 16000}


def drawn(graph, sizes, shortest=1, first=False):
    """Draw inputs of these sizes by name; states are zeros in a `first` step."""
    rng = np.random.default_rng(sum(sizes.values()))
    feeds = {}
    for item in graph.feeds:
        shape = [sizes.get(axis, axis) for axis in item["axes"]]
        if "length_of" in item:
            longest = sizes[item["length_of"]]
            value = np.linspace(longest, max(shortest, longest // 2), shape[0])
        elif "below" in item:
            value = rng.integers(0, sizes.get(item["below"], item["below"]), shape)
        else:
            value = rng.standard_normal(shape)
        feeds[item["name"]] = torch.from_numpy(value.astype(item["dtype"]))
    for state in graph.states if first else ():
        feeds[state["input"]["name"]].zero_()
    return feeds


def cases(graph):
    """Yield inputs of several sizes: the shortest and longer ones, alone and padded."""
    shortest = samples_for(graph.steps, 0) + 1 if graph.steps else 1
    for samples, frames, past in ((shortest, 1, 0), (12345, 20, 1), (40001, 77, 6)):
        for batch, beam in ((1, 1), (3, 4)):
            sizes = {"samples": samples, "frames": frames, "past": past}
            sizes.update(batch=batch, beam=beam, parent=1 if past == 0 else 5)
            yield drawn(graph, sizes, shortest, first=past == 0)


def export(graph, path):
    """Write the ONNX graph of a part of a model."""
    feeds = drawn(graph, TRACED)
    results = [*graph.outputs, *(state["output"] for state in graph.states)]
    shapes = tuple(
        {i: axis for i, axis in enumerate(item["axes"]) if isinstance(axis, str)}
        for item in graph.feeds
    )
    program = torch.onnx.export(
        graph,
        tuple(feeds.values()),
        input_names=list(feeds),
        output_names=[item["name"] for item in results],
        dynamic_shapes=(shapes,),
        opset_version=OPSET,
        dynamo=True,
    )
    for node in program.model.graph:
        node.metadata_props.clear()  # paths of source files
    program.model.metadata_props["interface"] = json.dumps(graph.interface())
    weights = sum(weight.numel() * 4 for weight in graph.state_dict().values())
    program.save(str(path), external_data=weights > LARGE)


def compare(graph, path):
    """Run a graph in onnxruntime and PyTorch; raises `RuntimeError` if they differ."""
    import onnxruntime

    cpu = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(path), providers=cpu)
    count, worst = 0, 0.0
    for feeds in cases(graph):
        found = session.run(None, {name: x.numpy() for name, x in feeds.items()})
        with torch.no_grad():
            results = graph(*feeds.values())
        results = results if isinstance(results, tuple) else (results,)
        differences = [*map(_difference, results, found)]
        worst = max(worst, *differences)
        if not all(difference <= TOLERANCE for difference in differences):
            shapes = {name: tuple(x.shape) for name, x in feeds.items()}
            raise RuntimeError(
                f"{graph.name} {shapes}: expected onnxruntime within {TOLERANCE} of "
                f"PyTorch, found differences of {differences}"
            )
        count += 1
    logging.info(f"{graph.name}: {count} cases, largest difference {worst:.1e}")
    return {"cases": count, "max_difference": worst, "tolerance": TOLERANCE}


def _difference(expected, found):
    expected = expected.numpy()
    if expected.shape != found.shape:
        return float("inf")
    found = np.abs(expected - found) / np.maximum(1, np.abs(expected))
    return float(found.max(initial=0))


def _entry(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest}


def export_bundle(
    output_dir, asr_train_config, asr_model_file, lm_train_config=None, lm_file=None
):
    """Export a recogniser, and perhaps a language model, to a bundle.

    An earlier bundle is replaced. Raises `ValueError` for a part of the model that has
    no graph, and `RuntimeError` where onnxruntime and PyTorch differ.
    """
    output_dir = Path(output_dir)
    if output_dir.exists() and not (output_dir / "bundle.yaml").is_file():
        raise ValueError(f"{output_dir}: expected a new directory or a bundle")
    model, args = ASRTask.build_model_from_file(asr_train_config, asr_model_file, "cpu")
    graphs = recogniser_graphs(model.eval())
    if lm_train_config is not None:
        lm, _ = LMTask.build_model_from_file(lm_train_config, lm_file, "cpu")
        graphs.append(lm_graph(lm.lm.eval(), model.vocab_size))
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output_dir.parent) as directory:
        new = Path(directory) / "bundle"
        new.mkdir()
        components, verification = {}, {}
        for graph in graphs:
            path = new / f"{graph.name}.onnx"
            export(graph, path)
            verification[graph.name] = compare(graph, path)
            entry = {**_entry(path), "interface": graph.interface()}
            data = path.with_name(f"{path.name}.data")
            if data.exists():
                entry["data"] = _entry(data)
            components[graph.name] = entry
        manifest = _manifest(model, args, new)
        manifest.update(components=components, verification={"fp32": verification})
        with (new / "bundle.yaml").open("w", encoding="utf-8") as file:
            yaml.safe_dump(manifest, file, allow_unicode=True, sort_keys=False)
        if output_dir.exists():
            shutil.rmtree(output_dir)
        new.rename(output_dir)


def _manifest(model, args, directory):
    """Describe tokens, tokenizer and origin; the tokenizer's file is copied."""
    files, kind = {}, args.token_type
    if kind == "bpe":
        shutil.copyfile(args.bpemodel, directory / "bpe.model")
        files["bpemodel"] = _entry(directory / "bpe.model")
    rate = str((args.frontend_conf or {}).get("fs", 16000))
    rate = int(float(rate[:-1]) * 1000) if rate.endswith("k") else int(rate)
    special = {"blank": model.blank_id, "sos": model.sos, "eos": model.eos}
    return {
        "format_version": FORMAT_VERSION,
        "task": "asr",
        "files": files,
        "provenance": {"torch": str(torch.__version__), "opset": OPSET},
        "asr": {
            "sample_rate": rate,
            "tokens": list(model.token_list),
            "special": special,
            "tokenizer": {"token_type": kind} if kind in TEXTS else None,
        },
    }


def get_parser():
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Export a trained recogniser to ONNX graphs, compared with PyTorch"
    )
    parser.add_argument("--output_dir", required=True, help="directory of the bundle")
    parser.add_argument("--asr_train_config", required=True, help="config.yaml")
    parser.add_argument("--asr_model_file", help="weights of the recogniser")
    parser.add_argument("--lm_train_config", help="config.yaml of a language model")
    parser.add_argument("--lm_file", help="weights of the language model")
    return parser


def main(cmd=None):
    """Run the command; exits with a sentence where that fails."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        export_bundle(**vars(get_parser().parse_args(cmd)))
    except (ValueError, RuntimeError, ImportError) as error:
        sys.exit(f"export_onnx: {error}")


if __name__ == "__main__":
    main()
