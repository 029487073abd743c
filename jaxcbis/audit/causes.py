"""One run's answers to the test set, as one flattering choice after another is taken away."""

import numpy as np

from jaxcbis.audit import accounting
from jaxcbis.audit.accounting import Answers
from jaxcbis.data import normalization, splits
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.evaluation import activation_maps, localization
from jaxcbis.labels import BACKGROUND
from jaxcbis.machine.console import track
from jaxcbis.runs import answers
from jaxcbis.runs.finished import Finished


def steps(run: Finished, datasets: dict[str, Dataset], clean: Finished | None) -> list[Answers]:
    """From the paper's protocol to the clean one, for `accounting.account`.

    Args:
      run: by the paper's protocol.
      datasets: by protocol, 'paper' and 'clean', of one release.
      clean: the run of the same backbone and strategy by the clean protocol; without it the steps
        end where one model can tell no more.
    """
    paper = datasets["paper"].splits
    test = paper["test"]
    in_train = np.concatenate([paper[name].patients for name in ("train", "validation")])
    blind = _answers("label normalisation", run, test)
    new = ~splits.overlapping(in_train, test.patients)
    less_overlap = accounting.select("patient overlap", blind, new)
    lesions = accounting.select("", less_overlap, less_overlap.labels != BACKGROUND)
    clean_test = datasets["clean"].splits["test"]
    backgrounds = clean_test.select(clean_test.labels == BACKGROUND)
    matched = accounting.join("background mismatch", lesions, _answers("", run, backgrounds))
    found = [
        _answers("paper", run, test, with_label=True),
        blind,
        less_overlap,
        matched,
        matched._replace(cause="correct-only LL", all_lesions=True),
    ]
    if clean is not None:
        found.append(_answers("trained clean", clean, clean_test)._replace(all_lesions=True))
    return found


def _answers(cause: str, run: Finished, test: Patches, *, with_label: bool = False) -> Answers:
    labels = test.labels if with_label else None
    found = answers.maps(run, normalization.normalize(test.images, run.statistics, labels), track)
    probabilities = activation_maps.softmax(found.logits)
    iou = localization.iou(test, found.maps, run.config.cam_threshold)
    return Answers(cause, test.labels, test.patients, probabilities, iou, False)
