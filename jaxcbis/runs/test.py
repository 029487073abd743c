"""A trained model's answers to the test set and its maps, and what they are worth."""

from typing import NamedTuple

import numpy as np

from jaxcbis.config import Config
from jaxcbis.data.normalization import Statistics, normalize
from jaxcbis.data.patches import OVERLAP, Dataset, Patches
from jaxcbis.evaluation import activation_maps
from jaxcbis.evaluation.activation_maps import Maps, softmax
from jaxcbis.labels import LABELS
from jaxcbis.machine import device
from jaxcbis.machine.console import track
from jaxcbis.models.model import Model
from jaxcbis.runs.timing import timed


class Answers(NamedTuple):
    """What a model says of the test set.

    Attributes:
      maps: of the test patches as the protocol normalises them, with their logits.
      probabilities: float64 [n, classes] of the same.
      besides: float64 [m, classes] of what `_besides` holds.
    """

    maps: Maps
    probabilities: np.ndarray
    besides: np.ndarray


def answer(
    config: Config, model: Model, dataset: Dataset, statistics: Statistics, timing: dict
) -> Answers:
    """Asks a model about the test set.

    Args:
      config: of the run.
      model: the trained one.
      dataset: of the run.
      statistics: of its train split.
      timing: of results.json; takes the seconds.
    """
    test, besides = dataset.splits["test"], _besides(config, dataset)
    with timed(timing, "evaluate_s"):
        told = np.empty((0, len(LABELS)))
        if len(besides):
            images = normalize(besides.images, statistics)
            told = softmax(activation_maps.logits(model, images, track))
    with device.compile_clock() as compile_seconds, timed(timing, "cam_s"):
        images = normalize(
            test.images, statistics, test.labels if config.protocol == "paper" else None
        )
        maps = activation_maps.maps(
            model, images, track, labels=test.labels, method=config.cam_method,
            stage=config.cam_stage,
        )  # fmt: skip
        probabilities = softmax(maps.logits)
    timing["cam_images_per_s"] = len(test) / (timing["cam_s"] - compile_seconds())
    return Answers(maps, probabilities, told)


def score(config: Config, dataset: Dataset, answers: Answers) -> tuple[dict, np.ndarray]:
    """What answers are worth.

    Returns:
      The keys test, test_without_label_normalization, test_official and localization of
      results.json, and [n] the IoU of every test patch's map, NaN on background.
    """
    # Here and not above: scikit-learn takes seconds to import, training needs none of it.
    from jaxcbis.evaluation import localization, metrics

    test, besides = dataset.splits["test"], _besides(config, dataset)
    located, iou = localization.score(
        test, answers.probabilities.argmax(1), answers.maps.maps, answers.maps.of_labels,
        threshold=config.cam_threshold, seed=config.seed,
    )  # fmt: skip
    told = test.labels, answers.probabilities, test.patients
    asked = besides.labels, answers.besides, besides.patients
    official = map(np.concatenate, zip(told, asked, strict=True))
    paper = config.protocol == "paper"
    return {
        "test": metrics.classification(*told),
        "test_without_label_normalization": metrics.classification(*asked) if paper else None,
        "test_official": None if paper else metrics.classification(*official),
        "localization": located,
    }, iou


def _besides(config: Config, dataset: Dataset) -> Patches:
    """What is asked besides the maps' pass, normalised without labels.

    Under the paper's protocol the test set again, under the clean one what it set apart.
    """
    return dataset.splits["test" if config.protocol == "paper" else OVERLAP]
