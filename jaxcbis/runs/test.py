"""A trained model's answers to the test set and its maps, and what they are worth."""

from typing import NamedTuple

import numpy as np

from jaxcbis.config import Config
from jaxcbis.data.normalization import Statistics, normalize
from jaxcbis.data.patches import OVERLAP, Dataset, Patches
from jaxcbis.evaluation import activation_maps, covering
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
      validation: the same as `maps` of the validation patches.
      covering: of the test lesions; None under a protocol that centres them, where there is no
        room for a control.
    """

    maps: Maps
    probabilities: np.ndarray
    besides: np.ndarray
    validation: Maps
    covering: covering.Answers | None


def answer(
    config: Config, model: Model, dataset: Dataset, statistics: Statistics, timing: dict
) -> Answers:
    """Asks a model about the test set, and about what its figures are chosen by or held against.

    Args:
      config: of the run.
      model: the trained one.
      dataset: of the run.
      statistics: of its train split.
      timing: of results.json; takes the seconds.
    """
    test, validation = dataset.splits["test"], dataset.splits["validation"]

    def told(images: np.ndarray) -> np.ndarray:
        if not len(images):
            return np.empty((0, len(LABELS)))
        return softmax(activation_maps.logits(model, normalize(images, statistics), track))

    def mapped(patches: Patches) -> Maps:
        labels = patches.labels if config.protocol == "paper" else None
        return activation_maps.maps(
            model, normalize(patches.images, statistics, labels), track, labels=patches.labels,
            method=config.cam_method, stage=config.cam_stage,
        )  # fmt: skip

    with timed(timing, "evaluate_s"):
        besides = told(_besides(config, dataset).images)
        of_covered = None
        if not config.centred:
            seen = covering.cover(test, config.seed)
            of_covered = covering.Answers(seen, told(seen.covered), told(seen.elsewhere))
    with device.compile_clock() as compile_seconds, timed(timing, "cam_s"):
        maps, of_validation = mapped(test), mapped(validation)
        probabilities = softmax(maps.logits)
    seconds = timing["cam_s"] - compile_seconds()
    timing["cam_images_per_s"] = (len(test) + len(validation)) / seconds
    return Answers(maps, probabilities, besides, of_validation, of_covered)


def score(config: Config, dataset: Dataset, answers: Answers) -> tuple[dict, np.ndarray]:
    """What answers are worth.

    Returns:
      The keys test, test_without_label_normalization, test_official, covering and localization of
      results.json, and [n] the IoU of every test patch's map, NaN where the mask is empty.
    """
    # Here and not above: scikit-learn takes seconds to import, training needs none of it.
    from jaxcbis.evaluation import baselines, localization, metrics

    test, besides = dataset.splits["test"], _besides(config, dataset)
    prior = localization.Prior(
        baselines.mean_mask(dataset.splits["train"]),
        localization.best_threshold(
            dataset.splits["validation"],
            answers.validation.logits.argmax(1),
            answers.validation.maps,
        ),
    )
    located, iou = localization.score(
        test, answers.probabilities.argmax(1), answers.maps.maps, answers.maps.of_labels, prior,
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
        "covering": answers.covering
        and covering.score(test, answers.probabilities, answers.covering),
        "localization": located,
    }, iou


def _besides(config: Config, dataset: Dataset) -> Patches:
    """What is asked besides the maps' pass, normalised without labels.

    Under the paper's protocol the test set again, under the others what they set apart.
    """
    return dataset.splits["test" if config.protocol == "paper" else OVERLAP]
