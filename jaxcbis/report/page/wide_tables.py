"""Tables for a page: too wide, or too detailed, for a terminal of 80 columns."""

from collections.abc import Sequence

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.blind import BASELINES, CEILING, best_known
from jaxcbis.report.tables import (
    NONE,
    PAPER,
    Table,
    epochs_to_best,
    map_method,
    mark,
    number,
    scored_maps,
    with_interval,
)

#: Figures of a class that have an interval.
_OF_CLASS = ("precision", "recall", "f1", "auc")

_FIGURES = {
    "iou": "IoU",
    "otsu": "IoU, Otsu",
    "pointing_game": "pointing game",
    "energy_in_mask": "energy in mask",
    "pixel_average_precision": "pixel AP",
}
_SAMPLES = {
    "correct": "classified correctly",
    "all": "all, map of the predicted class",
    "all_true_class": "all, map of the true class",
}
_TIMES = {
    "prepare_s": "data",
    "train_s": "training",
    "evaluate_s": "test without maps",
    "cam_s": "maps of validation and test",
    "compile_s": "compiling, within the above",
}


def per_class(results: dict) -> Table | None:
    """Figures of each class with their 95 % intervals, and of all together, beside the paper's.

    Args:
      results: content of results.json.
    """
    test, published = results.get("test"), paper.row_of(results["config"])
    if not test:
        return None
    rows: list[tuple[str, ...]] = []
    for label in LABELS:
        found = test["per_class"][label]
        intervals = found.get("ci95") or {}
        cells = (with_interval(found[key], intervals.get(key)) for key in _OF_CLASS)
        rows.append((label, str(found["support"]), *cells, number(found["auc_hard"])))
        if published:
            line = published.report[label]
            shown = (line.support, line.precision, line.recall, line.f1, None, published.auc[label])
            rows.append((PAPER, *map(number, shown)))
    return Table(
        f"Per class and overall, with 95 % intervals{mark(results)}",
        ("class", "patches", "precision", "recall", "F1", "AUC", "AUC, hard labels"),
        [*rows, *_overall(test, published)],
        "Accuracy stands in column F1, as in the paper's reports. Means run over the classes that "
        "have the figure. Intervals by resampling whole patients; AUC: one class against the rest."
        + (f" Paper: Table III and {published.report_figure}." if published else ""),
    )


def _overall(test: dict, published: paper.Row | None) -> list[tuple[str, ...]]:
    """Accuracy, and the means over classes, alike and by their patches; the paper's below each."""
    n, classes = str(test["n"]), list(test["per_class"].values())

    def mean(key: str, *, weighted: bool) -> str:
        known = [
            (of[key], of["support"] if weighted else 1) for of in classes if of[key] is not None
        ]
        total = sum(weight for _, weight in known)
        return number(sum(value * weight for value, weight in known) / total if known else None)

    accuracy = with_interval(test["accuracy"], test["accuracy_ci95"])
    aucs = (
        with_interval(test["auc_mean"], test["auc_mean_ci95"]),
        with_interval(test["auc_hard_mean"], test["auc_hard_mean_ci95"]),
    )
    means = {
        weighted: tuple(mean(key, weighted=weighted) for key in ("precision", "recall"))
        for weighted in (False, True)
    }
    rows = [
        ("accuracy", n, NONE, NONE, accuracy, NONE, NONE),
        ("macro mean", n, *means[False], number(test["macro_f1"]), *aucs),
        ("weighted mean", n, *means[True], number(test["weighted_f1"]), NONE, NONE),
    ]
    if not published:
        return rows
    theirs = ((published.accuracy, None), (published.macro_f1, published.auc_mean),
              (published.weighted_f1, None))  # fmt: skip
    size = str(sum(paper.SUPPORT.values()))
    return [
        row
        for ours, (f1, auc) in zip(rows, theirs, strict=True)
        for row in (ours, (PAPER, size, NONE, NONE, number(f1), NONE, number(auc)))
    ]


def localization(results: dict) -> Table | None:
    """Figures of the maps over every choice of samples, of blind maps, and the ceiling.

    Args:
      results: content of results.json.
    """
    found = results.get("localization") or {}
    samples = found.get("samples")
    if not samples:
        return None
    figures = found["baseline_figures"]
    of_run = [
        (f"{name}: {kind}", of)
        for key, name in _SAMPLES.items()
        for kind, of in (samples.get(key) or {}).items()
    ]
    beside = [
        (f"{'ceiling' if key == CEILING else 'blind'}: {name}", figures[key]["lesions"])
        for key, name in BASELINES.items()
        if key in figures
    ]
    rows = [
        (name, str(of["n"]), *(number(of[key], 3) for key in _FIGURES))
        for name, of in (*of_run, *beside)
    ]
    return Table(
        f"The {map_method(results['config'])} maps against the masks, by choice of lesions",
        ("lesions", "n", *_FIGURES.values()),
        rows,
        f"{scored_maps(results)}; pixel AP needs none. Blind maps and ceiling: over all lesions.",
    )


def timing(results: dict) -> Table | None:
    """How long each part of the run took."""
    found = results.get("timing")
    if not found:
        return None
    rows = [(name, f"{found[key]:.1f} s") for key, name in _TIMES.items() if key in found]
    for key, name in (
        ("train_images_per_s", "training, patches per second"),
        ("cam_images_per_s", "maps, patches per second"),
    ):
        if key in found:
            rows.append((name, f"{found[key]:.1f}"))
    if "peak_memory_mb" in found:
        rows.append(("peak memory", f"{found['peak_memory_mb']:.0f} MiB"))
    return Table("Time", ("part of the run", "this run"), rows)


def splits(results: dict) -> Table | None:
    """Patches of each class and patients in each split."""
    found = (results.get("data") or {}).get("splits")
    if not found:
        return None
    rows = [
        (label, *(str(split["per_class"].get(label, 0)) for split in found.values()))
        for label in LABELS
    ]
    rows += [
        (key, *(str(split.get(key, NONE)) for split in found.values()))
        for key in ("total", "patients")
    ]
    return Table("Patches per class and split", ("class", *found), rows)


def side_by_side(names: Sequence[str], runs: Sequence[dict]) -> Table:
    """One row per run.

    Args:
      names: of the runs.
      runs: their results.json.
    """
    rows: list[tuple[str, ...]] = []
    for name, results in zip(names, runs, strict=True):
        test, found = results.get("test") or {}, results.get("localization") or {}
        without = results.get("test_without_label_normalization") or {}
        blind = best_known(found) if found else None
        rows.append(
            (
                name,
                number(test.get("n")),
                with_interval(test.get("accuracy"), test.get("accuracy_ci95")),
                with_interval(without.get("accuracy"), without.get("accuracy_ci95")),
                number(test.get("macro_f1")),
                with_interval(test.get("auc_mean"), test.get("auc_mean_ci95")),
                with_interval(found.get("ll_score"), found.get("ll_score_ci95")),
                number(blind and blind[1]),
                number(epochs_to_best(results)),
                number((results.get("timing") or {}).get("train_s"), 0),
            )
        )
    pairs = {(r["config"]["backbone"], r["config"]["strategy"]): None for r in runs}
    for row in (paper.ROWS[pair] for pair in pairs if pair in paper.ROWS):
        size = str(sum(paper.SUPPORT.values()))
        rows.append(
            (f"Paper: {row.name}", size, number(row.accuracy), NONE, number(row.macro_f1), NONE,
             number(row.ll_score), NONE, str(row.epochs), NONE)
        )  # fmt: skip
    return Table(
        "Side by side, with 95 % intervals",
        ("run", "patches", "accuracy", "without label normalisation", "macro F1", "AUC",
         "LL score", "best blind map", "epochs", "training, s"),
        rows,
        "Best blind map: its LL score. Runs on other test "
        "patches are not comparable. The paper's AUC is of hard labels and has no like here.",
    )  # fmt: skip
