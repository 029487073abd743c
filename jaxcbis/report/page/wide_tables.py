"""Tables for a page: too wide, or too detailed, for a terminal of 80 columns."""

from collections.abc import Sequence

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.tables import BASELINES, NONE, Table, epochs_to_best, number

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
_WITHOUT = "no model"
_TIMES = {
    "prepare_s": "data",
    "train_s": "training",
    "evaluate_s": "test without maps",
    "cam_s": "maps of validation and test",
    "compile_s": "compiling, within the above",
}


def per_class(test: dict) -> Table:
    """Figures of each class with their 95 % intervals.

    Args:
      test: of results.json.
    """
    rows = []
    for label in LABELS:
        found = test["per_class"][label]
        intervals = found.get("ci95") or {}
        cells = (
            with_interval(found[key], intervals.get(key))
            for key in ("precision", "recall", "f1", "auc")
        )
        rows.append((label, str(found["support"]), *cells))
    return Table(
        "Per class, with 95 % intervals",
        ("class", "patches", "precision", "recall", "F1", "AUC"),
        rows,
        "Intervals by resampling whole patients; AUC of probabilities, one class against the rest.",
    )


def localization(found: dict) -> Table | None:
    """Figures of the maps over every choice of samples, and of maps made without a model.

    Args:
      found: 'localization' of results.json.
    """
    samples = found.get("samples")
    if not samples:
        return None
    choices = [(name, samples[key]) for key, name in _SAMPLES.items() if samples.get(key)]
    choices += [
        (f"{_WITHOUT}: {name}", found["baseline_figures"][key])
        for key, name in BASELINES.items()
        if key in found["baseline_figures"]
    ]
    rows = [
        (f"{name}: {kind}", str(of["n"]), *(number(of[key], 3) for key in _FIGURES))
        for name, kinds in choices
        for kind, of in kinds.items()
        if kind == "lesions" or not name.startswith(_WITHOUT)
    ]
    return Table(
        "The maps against the masks, by choice of lesions",
        ("lesions", "n", *_FIGURES.values()),
        rows,
        f"Threshold {found['threshold']:g} of a map's maximum; pixel AP needs none. Maps made "
        "without a model: over all lesions.",
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
        blind = [
            value
            for key, value in (found.get("baselines") or {}).items()
            if key != "grid_ceiling" and value is not None
        ]
        rows.append(
            (
                name,
                number(test.get("n")),
                with_interval(test.get("accuracy"), test.get("accuracy_ci95")),
                with_interval(without.get("accuracy"), without.get("accuracy_ci95")),
                number(test.get("macro_f1")),
                with_interval(test.get("auc_mean"), test.get("auc_mean_ci95")),
                with_interval(found.get("ll_score"), found.get("ll_score_ci95")),
                number(max(blind, default=None)),
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
        "Best blind map: the LL score of the best map made without a model. Runs on other test "
        "patches are not comparable. The paper's AUC is of hard labels and has no like here.",
    )  # fmt: skip


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """A figure, and its interval where it has one."""
    if value is None or interval is None:
        return number(value)
    return f"{number(value)} ({interval[0]:.2f}–{interval[1]:.2f})"
