"""One run's answers to the test set, as one flattering choice after another is taken away."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxcbis.audit import accounting
from jaxcbis.audit.accounting import Answers
from jaxcbis.data import splits
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.evaluation import activation_maps, localization
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.labels import BACKGROUND
from jaxcbis.runs import answers
from jaxcbis.runs.finished import Finished


def steps(
    run: Finished,
    datasets: dict[str, Dataset],
    clean: Finished | None,
    known: Callable[[Path], Maps],
) -> list[Answers]:
    """From the paper's protocol to the clean one, for `accounting.account`.

    Args:
      run: by the paper's protocol.
      datasets: by protocol, 'paper' and 'clean', of one release.
      clean: the run of the same backbone and strategy by the clean protocol; without it the steps
        end where one model can tell no more.
      known: of a run's folder its maps of its own test set, normalised without labels.
    """
    paper = datasets["paper"].splits
    test = paper["test"]
    in_train = np.concatenate([paper[name].patients for name in ("train", "validation")])
    blind = _answers("label normalisation", run, test, known(run.folder))
    new = ~splits.overlapping(in_train, test.patients)
    less_overlap = accounting.select("patient overlap", blind, new)
    lesions = accounting.select("", less_overlap, less_overlap.labels != BACKGROUND)
    clean_test = datasets["clean"].splits["test"]
    backgrounds = clean_test.select(clean_test.labels == BACKGROUND)
    beside = _answers("", run, backgrounds, answers.maps_of(run, backgrounds))
    matched = accounting.join("background mismatch", lesions, beside)
    found = [
        _answers("paper", run, test, answers.maps_of(run, test, test.labels)),
        blind,
        less_overlap,
        matched,
        matched._replace(cause="correct-only LL", all_lesions=True),
    ]
    if clean is not None:
        of_clean = _answers("trained clean", clean, clean_test, known(clean.folder))
        found.append(of_clean._replace(all_lesions=True))
    return found


def _answers(cause: str, run: Finished, test: Patches, found: Maps) -> Answers:
    probabilities = activation_maps.softmax(found.logits)
    iou = localization.iou(test, found.maps, run.config.cam_threshold)
    return Answers(cause, test.labels, test.patients, probabilities, iou, False)
