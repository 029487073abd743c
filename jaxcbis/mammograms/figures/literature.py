"""What others report of whole mammograms of CBIS-DDSM, as printed in their publications.

They were measured elsewhere: on other views, with other preparation, and mostly on another split.
None of them is a figure to be reached on the same test set. Each was read in the part of its source
that `read` names. That the split of Shen et al. is their own follows from their code, which reads
the train patients from a list; that of Petrini and Kim is told by the README of their code,
github.com/dpetrini/multiple-view.
"""

from typing import NamedTuple

#: Data that these figures may stand beside, by their name in results.json.
DATA = "CBIS-DDSM"
#: The release's own train and test sets; a split that the authors drew; and several of those.
OFFICIAL, OWN, FOLDS = "official", "own", "5-fold cross-validation"

SHEN = "Scientific Reports 9 (2019), doi:10.1038/s41598-019-48995-4"
SHEN_CODE = "github.com/lishen/end2end-all-conv, README"
PETRINI = "IEEE Access 10, 77723-77731, doi:10.1109/ACCESS.2022.3193250, arXiv:2110.01606"
PETRINI_KIM = "arXiv:2503.19945v3"


class Figure(NamedTuple):
    """An area under the ROC curve that others report.

    Attributes:
      name: authors and what they built.
      year: of publication.
      source: where it is printed.
      read: which part of the source it was read in.
      split: OFFICIAL, OWN or FOLDS.
      views: of one breast that are seen together: 1, or 2, CC and MLO.
      averaged: what its answer is the mean of; '' where the part that was read names nothing.
      auc: as printed.
    """

    name: str
    year: int
    source: str
    read: str
    split: str
    views: int
    averaged: str
    auc: float


FIGURES = (
    Figure("Shen et al., best single model", 2019, SHEN, "abstract", OWN, 1, "", 0.88),
    Figure("Shen et al., four models", 2019, SHEN, "abstract", OWN, 1, "four models", 0.91),
    Figure("Shen et al., ResNet50", 2019, SHEN_CODE, "table of models", OWN, 1, "", 0.86),
    Figure(
        "Shen et al., ResNet50 with flips", 2019, SHEN_CODE, "table of models", OWN, 1,
        "horizontal and vertical flips (4)", 0.88,
    ),
    Figure("Petrini et al., two views", 2022, PETRINI, "abstract", OFFICIAL, 2, "", 0.8483),
    Figure("Petrini et al., two views", 2022, PETRINI, "abstract", FOLDS, 2, "", 0.9344),
    Figure("Petrini and Kim, single view", 2025, PETRINI_KIM, "abstract", OFFICIAL, 1, "", 0.8343),
    Figure("Petrini and Kim, two views", 2025, PETRINI_KIM, "abstract", OFFICIAL, 2, "", 0.8658),
)  # fmt: skip


def beside(data: str) -> list[dict]:
    """The figures that may stand beside a run's, for results.json.

    Args:
      data: name of the run's data in results.json.

    Returns:
      [{name, year, source, read, split, views, averaged, auc, measured: 'elsewhere'}]; none where
      the data are not CBIS-DDSM.
    """
    return [figure._asdict() | {"measured": "elsewhere"} for figure in FIGURES] * (data == DATA)
