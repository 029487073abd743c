"""A run's figures beside the paper's, each against its like."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxcbis.config import CAM_METHODS
from jaxcbis.evaluation.bootstrap import WITHIN_NOISE
from jaxcbis.labels import LABELS, SHORT
from jaxcbis.report import paper

NONE = "–"
PAPER = "  paper"  # first cell of a row that holds the paper's figures for the row above


class Table(NamedTuple):
    """Text of one table; the first column names the rows."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""


def table_one(counts: Mapping[str, Mapping[str, int]], *, demo: bool = False) -> Table:
    """Images per class beside the paper's Table I.

    Args:
      counts: {"train" | "test": {label: images}} of the official splits.
      demo: whether the data are demo data.
    """
    splits = ("train", "test")
    rows = [
        (label, *(_pair(counts[s].get(label, 0), paper.TABLE_ONE[s][label]) for s in splits))
        for label in LABELS
    ]
    totals = (_pair(sum(counts[s].values()), sum(paper.TABLE_ONE[s].values())) for s in splits)
    return Table(
        "Patches per class, here | paper's Table I" + (" - DEMO DATA" if demo else ""),
        ("class", "train", "test"),
        [*rows, ("total", *totals)],
        "The paper moved 110 training images of the calcification classes to its test set.",
    )


def comparison(results: dict) -> list[Table]:
    """All tables of a run: headline, localisation, AUC, per-class report, confusion.

    Args:
      results: content of results.json. Parts that a run does not have yet are left out.
    """
    published = paper.row_of(results["config"])
    title_end = mark(results)
    tables = []
    if results.get("test"):
        tables.append(_headline(results, published, title_end))
    if results.get("localization"):
        tables.append(_localization(results, published, title_end))
    if results.get("test"):
        test = results["test"]
        tables += [
            _auc(test, published, title_end),
            class_report(test, published, title_end),
            confusion(test, published, title_end),
        ]
    return tables


def is_demo(results: dict) -> bool:
    """Whether the run's data are the built-in demo data."""
    return (results.get("data") or {}).get("source") == "demo"


def has_random_weights(results: dict) -> bool:
    """Whether the run started from random weights."""
    return (results.get("weights") or {}).get("format") == "random"


def run_name(results: dict) -> str:
    """Backbone, strategy and protocol in a few words."""
    config = results["config"]
    return f"{config['backbone']} {config['strategy']}, {config['protocol']} protocol"


def title_of(results: dict) -> str:
    """The run in a few words, and that its data are no mammograms where they are not."""
    return run_name(results) + (" - DEMO DATA" if is_demo(results) else "")


def map_method(config: Mapping[str, Any]) -> str:
    """The name of the class activation maps of a run or a study; before there were several, one."""
    return CAM_METHODS[config.get("cam_method", "gradcam")]


def epochs_to_best(results: dict) -> int | None:
    """Epochs trained up to the best checkpoint, over all phases, as the paper counts them."""
    best, trained = results.get("best"), 0
    for entry in results.get("history") or ():
        trained += entry["epoch"] > 0  # epoch 0 is what the phase starts with
        if best and (entry["phase"], entry["epoch"]) == (best["phase"], best["epoch"]):
            return trained
    return None


def _headline(results: dict, published: paper.Row | None, title_end: str) -> Table:
    test = results["test"]
    without = results.get("test_without_label_normalization")
    of_paper = published._asdict() if published else {}
    rows: list[tuple[str, ...]] = [
        ("accuracy (95 % interval)", _with_interval(test), number(of_paper.get("accuracy")))
    ]
    if without:
        # The paper normalises with the label, so its accuracy has no like here.
        rows.append(("the same without label normalisation", _with_interval(without), NONE))
    if official := results.get("test_official"):
        rows.append(("official test, patients of train too", _with_interval(official), NONE))
    rows += [
        ("macro F1", number(test["macro_f1"]), number(of_paper.get("macro_f1"))),
        ("weighted F1", number(test["weighted_f1"]), number(of_paper.get("weighted_f1"))),
        ("AUC, hard labels", number(test["auc_hard_mean"]), number(of_paper.get("auc_mean"))),
        ("AUC, probabilities", number(test["auc_mean"]), NONE),
        ("epochs to the best", number(epochs_to_best(results)), number(of_paper.get("epochs"))),
        (
            "test patches",
            number(test["n"]),
            number(sum(paper.SUPPORT.values()) if of_paper else None),
        ),
    ]
    if not published:
        caption = "The paper has no row for this backbone and strategy."
    else:
        caption = f"Paper: {published.name}, Tables II and III, {published.report_figure}."
        if results["config"]["protocol"] != "paper":
            caption += " It follows the paper protocol, this run does not."
    return Table(f"{run_name(results)}{title_end}", ("", "this run", "paper"), rows, caption)


def _localization(results: dict, published: paper.Row | None, title_end: str) -> Table:
    found = results["localization"]
    baselines = found["baselines"]
    rows = [
        ("LL score", found["ll_score"], published and published.ll_score),
        ("accuracy x LL", found["accuracy_x_ll"], published and published.accuracy_x_ll),
        ("LL, correct background as 0", found["ll_score_background_as_zero"], None),
        ("LL, threshold by Otsu", found["otsu"], None),
        ("pointing game", found["pointing_game"], None),
        ("energy in mask", found["energy_in_mask"], None),
        ("LL of an all-ones map", baselines["all_ones"], None),
        ("LL of a centred Gaussian", baselines["centred_gaussian"], None),
        ("LL of random maps", baselines["random"], None),
        ("LL of the mask at the map's grid", baselines["grid_ceiling"], None),
    ]
    caption = (
        f"{found['n_scored']} correctly classified lesions, {found['zero_maps']} of them with an "
        f"all-zero map; threshold {found['threshold']:g} of a map's maximum."
    )
    if said := against_blind_maps(found):
        caption += f" The run's maps are {said}."
    if published:
        caption += " Paper: Table IV, threshold not stated."
    return Table(
        f"{map_method(results['config'])} against the lesion masks{title_end}",
        ("", "this run", "paper"),
        [(name, number(ours, 3), number(theirs, 3)) for name, ours, theirs in rows],
        caption,
    )


#: Maps that have seen no image, which a run's maps are held against sample by sample.
_BLIND = {"all_ones": "a map of all ones", "centred_gaussian": "a centred Gaussian"}


def against_blind_maps(found: dict) -> str:
    """Whether a run's maps are better than maps that have seen no image, in words.

    Args:
      found: 'localization' of results.json.

    Returns:
      '' where nothing was compared, as before there was such a comparison, or with one patient.
    """
    said = []
    for key, name in _BLIND.items():
        of = (found.get("against_baselines") or {}).get(key)
        if of and of["verdict"]:
            low, high = of["ci95"]
            beside = "of" if of["verdict"] == WITHIN_NOISE else "than"
            said.append(
                f"{of['verdict']} {beside} {name} ({found['baselines'][key]:.2f}; difference "
                f"{of['difference']:+.2f}, 95 % interval {low:+.2f} to {high:+.2f})"
            )
    return " and ".join(said)


def _auc(test: dict, published: paper.Row | None, title_end: str) -> Table:
    def row(name: str, mean: float | None, per_class: Sequence[float | None]) -> tuple[str, ...]:
        return (name, *(number(value) for value in (mean, *per_class)))

    classes = [test["per_class"][label] for label in LABELS]
    rows = [row("hard labels", test["auc_hard_mean"], [c["auc_hard"] for c in classes])]
    if published:
        rows.append(row("paper, Table III", published.auc_mean, list(published.auc.values())))
    rows.append(row("probabilities", test["auc_mean"], [c["auc"] for c in classes]))
    return Table(
        f"AUC, one class against the rest{title_end}",
        ("", "mean", *(SHORT[label] for label in LABELS)),
        rows,
        "The paper's AUCs are of hard labels; it has no figure like the AUC of probabilities.",
    )


def class_report(test: dict, published: paper.Row | None, title_end: str) -> Table:
    """Precision, recall and F1 per class beside the paper's.

    Args:
      test: of results.json.
      published: the paper's row, if it has one.
      title_end: behind the title.
    """

    rows: list[tuple[str, ...]] = []
    for label in LABELS:
        ours = test["per_class"][label]
        keys = ("precision", "recall", "f1", "support")
        rows.append((label, *(number(ours[key]) for key in keys)))
        if published:
            rows.append((PAPER, *(number(value) for value in published.report[label])))
    return Table(
        f"Per class{title_end}",
        ("class", "precision", "recall", "F1", "support"),
        rows,
        f"Paper: {published.report_figure}." if published else "",
    )


def confusion(test: dict, published: paper.Row | None, title_end: str) -> Table:
    """Confusion matrix beside the paper's; arguments as of `class_report`."""
    rows: list[tuple[str, ...]] = []
    for index, (label, counts) in enumerate(zip(LABELS, test["confusion"], strict=True)):
        total = sum(counts)
        rows.append((label, *(number(count / total if total else None) for count in counts)))
        if published:
            rows.append((PAPER, *(number(share) for share in published.confusion[index])))
    return Table(
        f"Share of each true class (row) by predicted class{title_end}",
        ("true class", *(SHORT[label] for label in LABELS)),
        rows,
        f"Paper: {published.confusion_figure}." if published else "",
    )


def mark(results: dict) -> str:
    """What a title must say of a run on demo data or from random weights."""
    marks = ["DEMO DATA"] * is_demo(results) + ["random weights"] * has_random_weights(results)
    return f" - {', '.join(marks)}" if marks else ""


def number(value: float | None, digits: int = 2) -> str:
    """A figure as a cell."""
    if value is None:
        return NONE
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


def _pair(ours: float | None, theirs: float | None) -> str:
    return f"{number(ours)} | {number(theirs)}"


def _with_interval(test: dict) -> str:
    interval = test["accuracy_ci95"]
    if interval is None:
        return number(test["accuracy"])
    return f"{number(test['accuracy'])} ({interval[0]:.2f} to {interval[1]:.2f})"
