"""The terms of a report: what each means, and links to that from where it is used."""

import re
from collections.abc import Sequence
from typing import NamedTuple, overload

from markupsafe import Markup, escape

from jaxcbis.report.tables import Table


class Term(NamedTuple):
    """A term that a reader may not know.

    Attributes:
      name: as the glossary lists it.
      meaning: one or two sentences.
      words: regular expression of the words that stand for it in a text; '' for the name itself.
    """

    name: str
    meaning: str
    words: str = ""


#: In the order of the list at the end of a report; keys are parts of addresses.
TERMS = {
    "accuracy": Term(
        "accuracy",
        "Share of the test patches whose most probable class is the true one.",
        r"[Aa]ccuracy",
    ),
    "auc": Term(
        "AUC",
        "Area under the ROC curve: the probability that a patch of the class is ranked above one "
        "of the others. 0.5 is chance, 1 is perfect. Mean AUC is the mean over the classes.",
        r"(?:[Mm]ean )?AUCs?",
    ),
    "of_lesions": Term(
        "lesion AUC, malignancy AUC",
        "Lesion AUC: of lesions of any class against background. Malignancy AUC: of malignant "
        "against benign lesions.",
        r"(?:[Ll]esion|[Mm]alignancy) AUC",
    ),
    "hard": Term(
        "hard labels",
        "Only the most probable class of a patch counts, not how probable it is. The AUC of hard "
        "labels is (sensitivity + specificity) / 2, and is what the paper prints as AUC.",
    ),
    "interval": Term(
        "95 % interval",
        "Range of the figure over 95 % of test sets redrawn patient by patient (bootstrap). It "
        "says nothing about another training seed.",
        r"95 % intervals?",
    ),
    "noise": Term(
        "within noise",
        "The 95 % interval of the difference contains 0, so neither is shown to be better.",
    ),
    "mcnemar": Term(
        "McNemar's test",
        "Compares two models on the patches that one of them alone classifies correctly. p is the "
        "probability of counts at least as uneven if the two were equally good; a small p speaks "
        "against that.",
        r"McNemar's(?: exact)?(?: test)?",
    ),
    "blind": Term(
        "blind",
        "Made without a model. A blind answer is the same for every patch. A blind map is "
        "constant, central, random or the patch's own blurred brightness. A figure says something "
        "of a model only where it beats the best of these.",
        r"[Bb]lind",
    ),
    "map": Term(
        "class activation map",
        "Shows which places of a patch raised the score of a class.",
        r"[Cc]lass activation maps?",
    ),
    "gradcam": Term(
        "Grad-CAM",
        "The usual way to make a class activation map: the channels of a layer, each weighted by "
        "the mean gradient of the class's score.",
        r"Grad-CAM(?!\+)",
    ),
    "threshold": Term(
        "threshold",
        "Share of a map's maximum from which a pixel counts as hot.",
        r"[Tt]hreshold",
    ),
    "iou": Term(
        "IoU",
        "Intersection over union: the area that the hot part of a map and the lesion's mask share, "
        "divided by the area that they cover together. 1 is a perfect match.",
    ),
    "ll": Term(
        "LL score",
        "Lesion localisation: the mean IoU of map and mask over the correctly classified lesions. "
        "It depends on the threshold, which the paper does not state.",
        r"LL(?: score)?",
    ),
    "pointing": Term(
        "pointing game",
        "Share of the maps whose hottest place lies on the lesion's mask.",
        r"[Pp]ointing game",
    ),
    "levels": Term(
        "AUC per view, per breast, per patient",
        "The probability that a malignant one is ranked above another one. A breast's score is "
        "the mean of its views, a patient's the higher of the breasts.",
        r"AUC per (?:view|breast|patient)|[Bb]y level",
    ),
    "sensitivity": Term(
        "sensitivity, specificity",
        "Sensitivity: share of what is malignant that is called so. Specificity: share of the "
        "rest that is not.",
        r"[Ss]ensitivity|[Ss]pecificity",
    ),
    "operating": Term(
        "operating point",
        "A probability from which on a view is called malignant, and the sensitivity and "
        "specificity that follow. It is chosen on the validation split.",
        r"[Oo]perating points?",
    ),
    "youden": Term(
        "Youden's index",
        "Sensitivity + specificity - 1. Its operating point is where it is highest.",
        r"Youden's index",
    ),
    "froc": Term(
        "free response",
        "Each local maximum of a map is a mark. The curve tells the share of the malignant "
        "lesions that marks above a threshold hit, by the false positives per view: the marks "
        "that hit none.",
        r"[Ff]ree[- ]response|[Ff]alse positives per view",
    ),
    "sweep": Term(
        "sweep",
        "The patch run's model laid over a whole mammogram window by window. The view's score is "
        "that of its highest window.",
        r"[Ss]weep|[Ss]wept",
    ),
    "flips": Term(
        "flips averaged",
        "The model is asked for a view and its mirror images, and the answers are averaged.",
        r"(?:[Ww]ith )?flips averaged|with flips",
    ),
    "energy": Term("energy in mask", "Share of a map's sum that lies on the lesion's mask."),
    "pixel_ap": Term(
        "pixel AP",
        "Average precision with which the map ranks the lesion's pixels above the others. It needs "
        "no threshold.",
        r"pixel AP|average precision of pixels",
    ),
    "otsu": Term("Otsu", "A threshold chosen for each map from its own histogram."),
    "covering": Term(
        "covering test",
        "The lesion is filled in from its surroundings. A model that looks at the lesion then "
        "takes the patch for background; covering as much beside the lesion should change little.",
        r"[Cc]overing|[Ll]esions? covered",
    ),
    "deletion": Term(
        "deletion, insertion",
        "Two tests of whether a map is faithful. Pixels are taken out of the patch, or put in, "
        "from the hottest to the coldest. A faithful map makes the class's probability fall, or "
        "rise, faster than a random order does.",
        r"[Dd]eletion|[Ii]nsertion",
    ),
    "randomisation": Term(
        "randomisation test",
        "The model's parameters are replaced by random ones, stage by stage. A map that stays the "
        "same does not depend on what the model has learnt.",
        r"[Rr]andomisation(?: test)?",
    ),
    "f1": Term(
        "precision, recall, F1",
        "Precision: share of the patches called a class that are of it. Recall: share of the "
        "class's patches that are found. F1: their harmonic mean. Macro means average the classes "
        "alike; weighted means count each by its patches.",
        r"(?:macro |weighted )?F1|[Pp]recision|[Rr]ecall",
    ),
    "s1": Term(
        "S1",
        "The paper's first strategy, gradual unfreezing: the head is trained first, then one stage "
        "more in each phase.",
    ),
    "s2": Term(
        "S2",
        "The paper's second strategy: the first half of the backbone is frozen, and all the rest "
        "is trained at once.",
    ),
    "protocol": Term(
        "protocol",
        "How patches are cut, split and normalised. paper: as in the study. clean: no patient on "
        "two sides, one normalisation for all. shifted: as clean, and the lesion may lie anywhere "
        "in the patch, so that a blind map cannot find it.",
        r"[Pp]rotocol",
    ),
    "normalisation": Term(
        "label normalisation",
        "The paper normalises each patch with the statistics of its true class, in the test set "
        "too. That tells the model something of the answer, which nobody has in practice.",
        r"[Ll]abel normalisation",
    ),
    "leakage": Term(
        "leakage",
        "Patches of one patient lie in both the training and the test set, so the test is easier "
        "than it should be.",
        r"[Ll]eakage",
    ),
    "demo": Term(
        "demo data",
        "Phantoms that the program draws itself, to try it out. They are no mammograms.",
        r"[Dd]emo data|DEMO DATA",
    ),
    "classes": Term(
        "BENIGN_Calc, BENIGN_Mass and so on",
        "The classes: background, and benign or malignant lesions, which are calcifications (Calc, "
        "bright specks of calcium) or masses (Mass).",
        r"(?:BENIGN|MALIGNANT)_(?:Calc|Mass)",
    ),
    "paper": Term(
        "the paper",
        "S. Raut, Analysis of Breast Cancer Lesion Classification Models Trained using Transfer "
        "Learning, University of Texas at Arlington: the study that the program reimplements.",
        r"[Tt]he paper(?:'s)?(?! protocol)|^paper$",
    ),
}


@overload
def linked(shown: Table) -> Table: ...
@overload
def linked(shown: str) -> str: ...
def linked(shown: Table | str) -> Table | str:
    """Links the first use of each term to its entry in the glossary.

    Args:
      shown: a text; or a table, of which title, head, first column and caption are looked
        through, in this order.

    Returns:
      The same, its texts as markup.
    """
    if isinstance(shown, str):
        return _linked([shown])[0]
    size = len(shown.columns)
    heads = [row[0] for row in shown.rows]
    title, *rest = _linked([shown.title, *shown.columns, *heads, shown.caption])
    columns, heads, caption = tuple(rest[:size]), rest[size:-1], rest[-1]
    rows = [(head, *row[1:]) for head, row in zip(heads, shown.rows, strict=True)]
    return Table(title, columns, rows, caption)


def _linked(texts: Sequence[str]) -> list[str]:
    free = dict(_PATTERNS)
    return [_with_links(text, free) for text in texts]


def _with_links(text: str, free: dict[str, re.Pattern]) -> Markup:
    """The text with a link where a term that is free is first used; used ones are free no more."""
    done, rest = Markup(), text
    while found := _first(rest, free):
        key, start, end = found
        del free[key]
        done += escape(rest[:start])
        done += Markup(
            '<a class="term" href="#term-{0}" aria-describedby="term-{0}">{1}</a>'
        ).format(key, rest[start:end])
        rest = rest[end:]
    return done + escape(rest)


def _first(text: str, free: dict[str, re.Pattern]) -> tuple[str, int, int] | None:
    """The term that is used first, the longest of those that begin there."""
    found = [(key, *match.span()) for key, words in free.items() if (match := words.search(text))]
    return min(found, key=lambda item: (item[1], -item[2]), default=None)


_PATTERNS = {
    key: re.compile(rf"(?<!\w)(?:{term.words or re.escape(term.name)})(?!\w)")
    for key, term in TERMS.items()
}
