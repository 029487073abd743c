"""A run's figures beside the paper's, each against its like."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxcbis.config import CAM_METHODS
from jaxcbis.labels import LABELS, SHORT
from jaxcbis.report import paper
from jaxcbis.report.blind import (
    BASELINES,
    against_blind_maps,
    pointing_against_blind_maps,
    without_masks,
)

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
    """All tables of a run: headline, localisation, covering, AUC, per-class report, confusion.

    Args:
      results: content of results.json. Parts that a run does not have yet are left out.
    """
    published = paper.row_of(results["config"])
    title_end = mark(results)
    found = [*beside_paper(results), covering(results)]
    if test := results.get("test"):
        found += [
            _auc(test, published, title_end),
            class_report(test, published, title_end),
            confusion(test, published, title_end),
        ]
    return [table for table in found if table]


def beside_paper(results: dict) -> list[Table]:
    """The run's main figures beside the paper's: of classification, and of localisation.

    Args:
      results: content of results.json. Parts that a run does not have yet are left out.
    """
    published = paper.row_of(results["config"])
    found = []
    if results.get("test"):
        found.append(_headline(results, published, mark(results)))
    if results.get("localization") and not without_masks(results["localization"]):
        found.append(_localization(results, published, mark(results)))
    return found


def is_demo(results: dict) -> bool:
    """Whether the run's data are the built-in demo data."""
    return (results.get("data") or {}).get("source") == "demo"


def has_random_weights(results: dict) -> bool:
    """Whether the run started from random weights; of several members, whether one did."""
    found = results.get("weights") or {}
    members = found if isinstance(found, list) else [found]
    return any(each.get("format") == "random" for each in members)


def run_name(results: dict) -> str:
    """Backbone, strategy and protocol in a few words."""
    config = results["config"]
    return f"{config['backbone']} {config['strategy']}, {config['protocol']} protocol"


def backbone_name(config: Mapping[str, Any]) -> str:
    """A run's backbone as people write it, e.g. 'ResNet50'."""
    return config["backbone"].replace("resnet", "ResNet").replace("vgg", "VGG")


def heading(results: dict) -> str:
    """What a page on the run is headed by, e.g. 'Run: ResNet50, S2, shifted protocol, seed 0'."""
    config = results["config"]
    model = f"{backbone_name(config)}, {config['strategy'].upper()}"
    return f"Run: {model}, {config['protocol']} protocol, seed {config['seed']}"


def title_of(results: dict) -> str:
    """The run in a few words, and that its data are no mammograms where they are not."""
    return run_name(results) + (" - DEMO DATA" if is_demo(results) else "")


def map_method(config: Mapping[str, Any]) -> str:
    """The name of the class activation maps of a run or a study; before there were several, one."""
    return CAM_METHODS[config.get("cam_method", "gradcam")]


def map_words(config: Mapping[str, Any]) -> str:
    """How the maps of a run were made, e.g. 'Grad-CAM', or 'Grad-CAM at layer3'."""
    stage = config.get("cam_stage")
    return f"{map_method(config)} at {stage}" if stage else map_method(config)


def scored_maps(results: dict) -> str:
    """How they were made and held against masks: 'Grad-CAM, threshold 0.5 of a map's maximum'.

    Args:
      results: content of results.json, with 'localization'.
    """
    threshold = results["localization"]["threshold"]
    return f"{map_words(results['config'])}, threshold {threshold:g} of a map's maximum"


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
        ("accuracy (95 % interval)", in_words(test), number(of_paper.get("accuracy")))
    ]
    if without:
        # The paper normalises with the label, so its accuracy has no like here.
        rows.append(("the same without label normalisation", in_words(without), NONE))
    # Without patches set apart it is the test set again.
    if (official := results.get("test_official")) and official["n"] > test["n"]:
        rows.append(("official test, patients of train too", in_words(official), NONE))
    rows += [
        ("macro F1", number(test["macro_f1"]), number(of_paper.get("macro_f1"))),
        ("weighted F1", number(test["weighted_f1"]), number(of_paper.get("weighted_f1"))),
        ("AUC, hard labels", number(test["auc_hard_mean"]), number(of_paper.get("auc_mean"))),
        ("AUC, probabilities", number(test["auc_mean"]), NONE),
        ("lesion AUC", in_words(test, "lesion_auc"), NONE),
        ("malignancy AUC", in_words(test, "malignancy_auc"), NONE),
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
    title = f"Beside the paper: {run_name(results)}{title_end}"
    return Table(title, ("", "this run", "paper"), rows, caption)


def _localization(results: dict, published: paper.Row | None, title_end: str) -> Table:
    found = results["localization"]
    chosen = found.get("threshold_from_validation")
    rows = [
        ("LL score", found["ll_score"], published and published.ll_score),
        ("accuracy x LL", found["accuracy_x_ll"], published and published.accuracy_x_ll),
        ("LL, correct background as 0", found["ll_score_background_as_zero"], None),
        ("LL, threshold by Otsu", found["otsu"], None),
        (
            "LL, threshold by validation" + ("" if chosen is None else f" ({chosen:g})"),
            found.get("ll_score_from_validation"),
            None,
        ),
        ("pointing game", found["pointing_game"], None),
        ("energy in mask", found["energy_in_mask"], None),
        ("average precision of pixels", found.get("pixel_ap"), None),
        *(
            (f"LL of {name}", found["baselines"][key], None)
            for key, name in BASELINES.items()
            if key in found["baselines"]
        ),
    ]
    caption = (
        f"{scored_maps(results)}; {found['n_scored']} correctly classified lesions, "
        f"{found['zero_maps']} of them with an all-zero map."
    )
    if blind := against_blind_maps(found):
        caption += f" The run's maps are {blind}."
    if blind := pointing_against_blind_maps(found):
        caption += f" Their pointing game is {blind}."
    if published:
        caption += " Paper: Table IV, threshold not stated."
    return Table(
        f"{map_method(results['config'])} against the lesion masks{title_end}",
        ("", "this run", "paper"),
        [(name, number(ours, 3), number(theirs, 3)) for name, ours, theirs in rows],
        caption,
    )


def covering(results: dict) -> Table | None:
    """What covering the lesions changes; None where none were covered.

    Args:
      results: content of results.json.
    """
    found = results.get("covering")
    if not found or not found["n"]:
        return None

    def less(name: str) -> str:
        of = found[f"{name}_less_intact"]
        if of["difference"] is None:
            return NONE
        ci = of["ci95"]
        return f"{of['difference']:+.2f}" + (f" ({ci[0]:+.2f} to {ci[1]:+.2f})" if ci else "")

    rows = [
        ("as it is", in_words(found, "lesion_auc_intact"), NONE),
        ("lesion covered", in_words(found, "lesion_auc_covered"), less("covered")),
        (
            "as much covered elsewhere",
            in_words(found, "lesion_auc_elsewhere"),
            less("elsewhere"),
        ),
    ]
    caption = (
        f"The {found['n']} lesions with as much room beside them, mostly smaller ones, against "
        f"{found['n_background']} background patches; filled in from the surroundings."
    )
    between = found.get("covered_less_elsewhere") or {}
    if interval := between.get("ci95"):
        caption += (
            f" Lesion covered less as much covered elsewhere: {between['difference']:+.2f} (95 % "
            f"interval {interval[0]:+.2f} to {interval[1]:+.2f})."
        )
    return Table(
        f"AUC of lesion or background, lesions covered{mark(results)}",
        ("patch", "AUC (95 %)", "change (95 %)"),
        rows,
        caption,
    )


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


def marks(results: dict) -> list[str]:
    """What must be said of a run on demo data or from random weights, wherever it is shown."""
    return ["DEMO DATA"] * is_demo(results) + ["random weights"] * has_random_weights(results)


def mark(results: dict) -> str:
    """The same as the end of a title."""
    found = marks(results)
    return f" - {', '.join(found)}" if found else ""


def number(value: float | None, digits: int = 2) -> str:
    """A figure as a cell."""
    if value is None:
        return NONE
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """A figure, and its 95 % interval where it has one, as a short cell: '0.64 (0.60-0.68)'."""
    if value is None or interval is None:
        return number(value)
    return f"{number(value)} ({interval[0]:.2f}-{interval[1]:.2f})"


def in_words(found: Mapping[str, Any], name: str = "accuracy") -> str:
    """The same with words, '0.64 (0.60 to 0.68)'.

    Args:
      found: holds the figure, and its interval under the name and '_ci95'.
      name: of the figure.
    """
    value, interval = found.get(name), found.get(f"{name}_ci95")
    return number(value) + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")


def _pair(ours: float | None, theirs: float | None) -> str:
    return f"{number(ours)} | {number(theirs)}"
