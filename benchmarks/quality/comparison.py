"""Our run and PyTorch's, one after the other, and what each came to on the test set."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import torch

from benchmarks import hardware
from benchmarks.peer import training as torch_training
from benchmarks.peer import weights as torch_weights
from benchmarks.peer.rows import use_machine
from benchmarks.quality import intervals
from benchmarks.quality import report as quality_report
from benchmarks.quality.intervals import Answers
from jaxcbis.config import Config
from jaxcbis.data import normalization
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.evaluation import activation_maps, localization, metrics
from jaxcbis.machine.console import console, say
from jaxcbis.models.model import Model
from jaxcbis.records import predictions
from jaxcbis.records.results import write
from jaxcbis.runs import inputs, preparation
from jaxcbis.runs.run import run
from jaxcbis.runs.train import phases_of
from jaxcbis.training import checkpoints

SCHEMA = 1


class Side(NamedTuple):
    """Ours or PyTorch's.

    Attributes:
      answers: to the test patches, in their order.
      record: {'name', 'test', 'test_without_label_normalization', 'localization',
        'localization_of_library', 'history', 'seconds'}: as in results.json, but for the name, the
        scores of pytorch-grad-cam's maps, and the seconds {'train', 'test', 'maps'}.
    """

    answers: Answers
    record: dict


def compare(config: Config, folder: Path) -> dict:
    """Trains both, shows them side by side, and leaves quality.json and quality.png.

    Args:
      config: of our run, whose output is a folder of its own.
      folder: of the comparison.

    Returns:
      The content of quality.json: {kind, schema, hardware, versions, config, data, weights, ours,
      peer, figures: {NAME: {ours, peer, difference, ci95}}, agreement, notes}. `ours` and `peer`
      are `Side.record`; agreement is the share of test patches that both put in the same class.

    Raises:
      UserError: what `runs.run` and `torch_training.fit` raise.
    """
    results = run(config)
    say("\nThe same in PyTorch")
    use_machine()
    dataset = preparation.load(config)
    backbone = inputs.load_model(config).model
    ours = _ours(config, dataset, backbone, results)
    peer = _peer(config, dataset, backbone, results["localization"]["grid"])

    ci95 = intervals.of_differences(ours.answers, peer.answers)
    predicted = [side.answers.probabilities.argmax(1) for side in (ours, peer)]
    quality = hardware.header("quality", SCHEMA)
    quality["hardware"]["precision"] = config.precision
    quality |= {
        **_inputs(results),
        "ours": ours.record,
        "peer": peer.record,
        "figures": _figures(ours.record, peer.record, ci95),
        "agreement": float((predicted[0] == predicted[1]).mean()),
        "notes": [*results["notes"], *_notes(results)],
    }
    write(folder / "quality.json", quality)
    quality_report.plot(quality, folder / "quality.png")
    for table in quality_report.tables(quality):
        console.print(table)
    for note in quality["notes"]:
        say(f"Note: {note}")
    say(f"Results: {folder / 'quality.json'}   Plot: {folder / 'quality.png'}")
    return quality


def _inputs(results: dict) -> dict:
    """Options, data and weights, by the names of files: where they lay says nothing elsewhere."""
    config, data, weights = (dict(results[key]) for key in ("config", "data", "weights"))
    for part, key in ((config, "data"), (config, "weights"), (data, "source"), (weights, "source")):
        part[key] = part[key] and Path(part[key]).name
    for key in ("output", "data_dir"):
        del config[key]
    return {"config": config, "data": data, "weights": weights}


def _ours(config: Config, dataset: Dataset, backbone: Model, results: dict) -> Side:
    """What our run left behind, and what it does not keep anew from its model."""
    folder, test = Path(config.output), dataset.splits["test"]
    trained = checkpoints.load_model(folder / "checkpoints", backbone)
    images = _images(dataset, "test", with_label=False)
    blind = activation_maps.softmax(activation_maps.logits(trained, images))
    told = predictions.read(folder / "predictions.csv")  # in the test patches' order

    model = torch_weights.from_ours(trained).to(_place())
    maps, logits = torch_training.maps(model, _images(dataset, "test"))
    located, iou_of_library = _score(config, test, maps, logits, results["localization"]["grid"])
    timing = results["timing"]
    record = {
        "name": f"jaxcbis, {results['environment']['backend']}",
        "test": results["test"],
        "test_without_label_normalization": results["test_without_label_normalization"],
        "localization": results["localization"],
        "localization_of_library": located,
        "history": results["history"],
        "seconds": {
            "train": timing["train_s"],
            "test": timing["evaluate_s"],
            "maps": timing["cam_s"],
        },
    }
    answers = Answers(
        test.labels, test.patients, told.probabilities, blind, told.iou, iou_of_library
    )
    return Side(answers, record)


def _peer(config: Config, dataset: Dataset, backbone: Model, grid: int) -> Side:
    """PyTorch from the same start, on a GPU where ours had one and PyTorch sees it."""
    splits = dataset.splits
    train, validation = (
        (_images(dataset, split), splits[split].labels) for split in ("train", "validation")
    )
    model = torch_weights.from_ours(backbone)
    torch_weights.require_same_logits(backbone, model, validation[0][: torch_training.BATCH])
    model.to(_place(), memory_format=torch.channels_last)
    phases = phases_of(config)
    history = torch_training.fit(
        model, phases, train, validation, config, lambda row: say(quality_report.line(row))
    )

    test = splits["test"]
    blind_images, images = _images(dataset, "test", with_label=False), _images(dataset, "test")
    began = time.perf_counter()
    blind = activation_maps.softmax(torch_training.predict(model, blind_images))
    evaluated = time.perf_counter()
    maps, logits = torch_training.maps(model, images)
    mapped = time.perf_counter()
    probabilities = activation_maps.softmax(logits)
    located, iou = _score(config, test, maps, logits, grid)
    record = {
        "name": f"PyTorch {torch.__version__}, {_place()}, eager, channels_last",
        "test": metrics.classification(test.labels, probabilities, test.patients),
        "test_without_label_normalization": metrics.classification(
            test.labels, blind, test.patients
        ),
        "localization": located,
        "localization_of_library": located,
        "history": history,
        "seconds": {
            "train": sum(row["seconds"] for row in history),
            "test": evaluated - began,
            "maps": mapped - evaluated,
        },
    }
    return Side(Answers(test.labels, test.patients, probabilities, blind, iou, iou), record)


def _images(dataset: Dataset, split: str, *, with_label: bool = True) -> np.ndarray:
    """A split's images, normalised as the protocol has it or without their labels."""
    train, part = dataset.splits["train"], dataset.splits[split]
    statistics = normalization.measure(train.images, train.labels)
    return normalization.normalize(part.images, statistics, part.labels if with_label else None)


def _score(
    config: Config, test: Patches, maps: np.ndarray, logits: np.ndarray, grid: int
) -> tuple[dict, np.ndarray]:
    """Scores maps as our run does: the object of results.json, and the IoU of every item."""
    return localization.score(
        test, logits.argmax(1), maps, threshold=config.cam_threshold, seed=config.seed, grid=grid
    )


def _place() -> str:
    """Where PyTorch computes: on a GPU where ours did and PyTorch sees it."""
    return "cuda" if jax.default_backend() == "gpu" and torch.cuda.is_available() else "cpu"


def _figures(ours: dict, peer: dict, ci95: dict[str, list[float] | None]) -> dict[str, dict]:
    """By the names of `intervals.figures`."""

    def of(record: dict) -> dict[str, Any]:
        test, blind = record["test"], record["test_without_label_normalization"]
        return {
            "accuracy": test["accuracy"],
            "accuracy_without_label": blind["accuracy"],
            "auc_mean": test["auc_mean"],
            "auc_hard_mean": test["auc_hard_mean"],
            "ll_score": record["localization"]["ll_score"],
            "ll_score_of_library": record["localization_of_library"]["ll_score"],
        }

    sides = of(ours), of(peer)
    table = {}
    for name in sides[0]:
        a, b = (side[name] for side in sides)
        difference = None if a is None or b is None else a - b
        table[name] = {"ours": a, "peer": b, "difference": difference, "ci95": ci95[name]}
    return table


def _notes(results: dict) -> list[str]:
    """What a reader of the comparison must know."""
    notes = [
        "seconds are of one run of each side, one after the other: of patches in memory (to read "
        "and to cut them is in neither); training holds the validation, ours also what was "
        f"compiled (whole run: {results['timing']['compile_s']:.0f} s) and the activations that "
        "are kept; test and maps are one pass over the test set each",
        f"intervals: paired bootstrap of {intervals.DRAWS} draws of whole patients, both models "
        "as they are; what another seed would have made of them is not in it",
        "LL score: our maps on our side, pytorch-grad-cam's on PyTorch's. It subtracts each map's "
        "minimum, ours do not, and the fewer cells a map has the more that moves the threshold; "
        "the line below it has both models' maps by pytorch-grad-cam",
    ]
    if results["environment"]["backend"] == "gpu" and not torch.cuda.is_available():
        notes.append("PyTorch saw no GPU and computed on the CPU: its seconds do not compare")
    return notes
