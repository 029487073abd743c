"""A study's tables beside the paper's, on the screen and as Markdown, LaTeX and CSV."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxcbis.labels import LABELS, SHORT
from jaxcbis.machine import files
from jaxcbis.report import formats, noise, paper
from jaxcbis.report.tables import (
    NONE,
    PAPER,
    Table,
    class_report,
    confusion,
    epochs_to_best,
    mark,
    number,
    with_interval,
)


def write(folder: Path, study: dict, runs: dict[str, dict]) -> list[Table]:
    """Writes tables.md, tables.tex and tables/*.csv.

    Args:
      folder: of the study.
      study: content of study.json.
      runs: results.json of every chosen run, by its folder in the study.

    Returns:
      The tables.

    Raises:
      UserError: a file cannot be written.
    """
    named = of(study, runs)
    notes = [f"- {note}" for note in study["notes"]]
    advice = "free space there and give the same command again"
    files.make_folder(folder / "tables", advice)
    for name, table in named.items():
        files.write(folder / "tables" / f"{name}.csv", formats.comma_separated(table), advice)
    pages = "\n".join(formats.markdown(table) for table in named.values())
    files.write(folder / "tables.md", "\n".join([pages, *notes, ""]), advice)
    pages = "\n".join(formats.latex(table) for table in named.values())
    files.write(folder / "tables.tex", pages, advice)
    return list(named.values())


def of(study: dict, runs: dict[str, dict]) -> dict[str, Table]:
    """All tables by file name; arguments as of `write`."""
    chosen = study["chosen"]
    found = [runs[row["run"]] for row in chosen]
    named = {
        "hyperparameters": _hyperparameters(study),
        "table-2-classification": _classification(chosen, found),
        "calibration": _otherwise(chosen, found),
        "table-3-auc": _auc(chosen, found),
        "table-4-localization": _localization(chosen, found),
        "lesion": _lesion(chosen, found),
        "looking": _looking(chosen, found),
        "baselines": _baselines(chosen, found),
    }
    if study["comparisons"]:  # of two models or more
        named["differences"] = _differences(study)
    if any(row["seeds"]["accuracy"]["deviation"] is not None for row in chosen):
        named["seeds"] = _seeds("Spread over seeds", chosen, _SPREAD)
        title = "Spread over seeds: lesion, malignancy, maps"
        named["seeds-looking"] = _seeds(title, chosen, _SPREAD_OF_LOOKING)
    for row, result in zip(chosen, found, strict=True):
        published = paper.row_of(row)
        name = f"{row['backbone']}-{row['strategy']}"
        for kind, make in (("report", class_report), ("confusion", confusion)):
            table = make(result["test"], published, "")
            named[f"{kind}-{name}"] = table._replace(title=f"{_name(row)}: {table.title}")
    ours = {name: t._replace(title=f"{t.title}{mark(found[0])}") for name, t in named.items()}
    return ours | {"differences-paper": _of_paper()}


def _hyperparameters(study: dict) -> Table:
    chosen = {
        (row["backbone"], row["strategy"], *row["hyperparameters"].values())
        for row in study["chosen"]
    }
    rows = []
    for cell in study["cells"]:
        sets = cell["hyperparameters"]
        star = " *" if (cell["backbone"], cell["strategy"], *sets.values()) in chosen else ""
        rows.append(
            (
                f"{_name(cell)}{star}",
                str(sets["batch_size"]),
                f"{sets['backbone_lr']:g}",
                str(cell["seed"]),
                number(cell["val_loss"], 4),
                number(cell["epochs"]),
                number(cell["test"]["accuracy"]),
                f"{cell['seconds']:.0f}",
            )
        )
    columns = ("model", "batch", "rate", "seed", "val loss", "epochs", "accuracy", "s")
    return Table(
        "All hyperparameter sets",
        columns,
        rows,
        "* chosen: the lowest validation loss, mean over seeds; with a localisation term, the two "
        "together. Rate: of the last stage. Accuracy: of the test set, which nothing was chosen "
        "by.",
    )


def _classification(chosen: Sequence[dict], found: Sequence[dict]) -> Table:
    rows = []
    for row, result in zip(chosen, found, strict=True):
        test, sets, published = result["test"], row["hyperparameters"], paper.row_of(row)
        of_paper = noise.of_paper(published)["accuracy"] if published else None
        rows.append(
            (
                _name(row),
                f"{sets['batch_size']}, {sets['backbone_lr']:g}",
                with_interval(test["accuracy"], test["accuracy_ci95"]),
                number(epochs_to_best(result)),
                "",
            )
        )
        if published:
            verdict = noise.verdict(
                test["accuracy"], test["accuracy_ci95"], published.accuracy, of_paper
            )
            rows.append(
                (
                    PAPER, f"{published.batch_size}, {NONE}",
                    with_interval(published.accuracy, of_paper), str(published.epochs), verdict,
                )
            )  # fmt: skip
    return Table(
        "Table II: accuracy on the test set",
        ("model", "batch, rate", "accuracy (95 %)", "epochs", "noise"),
        rows,
        "Intervals: ours by bootstrap over patients, the paper's from its confusion matrix and "
        "test size alone, so too narrow. Noise: whether the difference lies within it, at 95 %.",
    )


def _otherwise(chosen: Sequence[dict], found: Sequence[dict]) -> Table:
    rows = []
    for row, result in zip(chosen, found, strict=True):
        blind, official = (
            result[key] for key in ("test_without_label_normalization", "test_official")
        )
        cells = (
            with_interval(of["accuracy"], of["accuracy_ci95"]) if of else NONE
            for of in (blind, official)
        )
        rows.append((_name(row), *cells, number(result["test"]["calibration"]["ece"], 3)))
    return Table(
        "The same models, asked otherwise, and their calibration",
        ("model", "without the label", "whole official test", "ECE"),
        rows,
        "Accuracy (95 %) without label normalisation (paper protocol); on the whole official test "
        "set, patients of train too (clean protocol). ECE: expected calibration error on the test "
        "set, 15 bins.",
    )


def _auc(chosen: Sequence[dict], found: Sequence[dict]) -> Table:
    rows = []
    for row, result in zip(chosen, found, strict=True):
        test, published = result["test"], paper.row_of(row)
        classes = [test["per_class"][label] for label in LABELS]
        hard = [number(of["auc_hard"]) for of in classes]
        mean = with_interval(test["auc_hard_mean"], test["auc_hard_mean_ci95"])
        rows.append((_name(row), mean, *hard))
        if published:
            of_paper = noise.of_paper(published)["auc_hard_mean"]
            values = [number(value) for value in published.auc.values()]
            rows.append((PAPER, with_interval(published.auc_mean, of_paper), *values))
        ranked = [number(of["auc"]) for of in classes]
        mean = with_interval(test["auc_mean"], test["auc_mean_ci95"])
        rows.append(("  probabilities", mean, *ranked))
    return Table(
        "Table III: AUC, one class against the rest",
        ("model", "mean (95 %)", *(SHORT[label] for label in LABELS)),
        rows,
        "First two lines of each: of hard predictions, as the paper's are; third: of "
        "probabilities, which the paper has no figure like.",
    )


def _localization(chosen: Sequence[dict], found: Sequence[dict]) -> Table:
    rows = []
    for row, result in zip(chosen, found, strict=True):
        located, published = result["localization"], paper.row_of(row)
        everything = located["samples"]["all"]["lesions"]["iou"]
        rows.append(
            (
                _name(row),
                number(result["test"]["accuracy"]),
                with_interval(located["ll_score"], located["ll_score_ci95"]),
                number(located["accuracy_x_ll"], 3),
                number(everything),
                number(located["baselines"]["all_ones"]),
            )
        )
        if published:
            rows.append(
                (
                    PAPER, number(published.accuracy), number(published.ll_score, 3),
                    number(published.accuracy_x_ll, 3), NONE, NONE,
                )
            )  # fmt: skip
    return Table(
        "Table IV: localisation (LL score)",
        ("model", "accuracy", "LL (95 %)", "acc x LL", "LL, all", "all ones"),
        rows,
        "LL over lesions classified correctly; all: over every lesion; all ones: of a map that is "
        "hot everywhere, on the correct ones. The paper prints no spread and no threshold.",
    )


def _lesion(chosen: Sequence[dict], found: Sequence[dict]) -> Table:
    rows = []
    for row, result in zip(chosen, found, strict=True):
        test, covering = result["test"], result.get("covering") or {}
        names = ("lesion_auc_intact", "lesion_auc_covered", "lesion_auc_elsewhere")
        cells = (
            with_interval(test.get(name), test.get(f"{name}_ci95"))
            for name in ("lesion_auc", "malignancy_auc")
        )
        rows.append((_name(row), *cells, *(number(covering.get(name)) for name in names)))
    return Table(
        "Does it use the lesion?",
        ("model", "lesion AUC (95 %)", "malignancy (95 %)", "intact", "covered", "other"),
        rows,
        "Lesion AUC: of any lesion against background. Malignancy: of malignant against benign "
        "lesions. Last three: lesion AUC of the lesions that can be covered; covered, filled in "
        "from their surroundings; other, as much of the patch filled in beside them (shifted "
        "protocol).",
    )


def _looking(chosen: Sequence[dict], found: Sequence[dict]) -> Table:
    rows = []
    for row, result in zip(chosen, found, strict=True):
        located = result["localization"]
        cells = (
            with_interval(located.get(name), located.get(f"{name}_ci95"))
            for name in ("pointing_game", "energy_in_mask", "pixel_ap")
        )
        rows.append((_name(row), *cells, number(located.get("ll_score_from_validation"))))
    return Table(
        "Where it looks",
        ("model", "pointing (95 %)", "energy (95 %)", "AP (95 %)", "LL, val"),
        rows,
        "Over lesions classified correctly. LL, val: at the share "
        "of the maximum that was best on validation.",
    )


def _baselines(chosen: Sequence[dict], found: Sequence[dict]) -> Table:
    names = ("iou", "otsu", "pixel_average_precision", "pointing_game", "energy_in_mask")
    rows = []
    for row, result in zip(chosen, found, strict=True):
        located = result["localization"]
        lines = {
            _name(row): located["samples"]["all"],
            "  true class": located["samples"]["all_true_class"],
        } | {f"  {name.replace('_', ' ')}": of for name, of in located["baseline_figures"].items()}
        for name, of in lines.items():
            cells = (number(of["lesions"][key]) if of else NONE for key in names)
            rows.append((name, *cells))
    return Table(
        "Maps and baselines, over every lesion",
        ("map", "IoU", "Otsu", "pixel AP", "pointing", "energy"),
        rows,
        "First line of each: the predicted class's map. Pixel AP: average precision of a map's "
        "pixels. Pointing: share of maps whose maximum lies in the mask. Energy: share of a map's "
        "sum in the mask.",
    )


def _differences(study: dict) -> Table:
    names = {row["run"]: _name(row) for row in study["chosen"]}
    rows = []
    for pair in study["comparisons"]:
        one, two = (names[run] for run in pair["runs"])
        figures = (("accuracy", "accuracy"), ("auc_mean", "AUC"), ("ll_score", "LL"))
        for (figure, label), name in zip(figures, (one, f"less {two}", ""), strict=True):
            of = pair["differences"][figure]
            p = f"{pair['mcnemar']['p']:.3f}" if figure == "accuracy" else ""
            rows.append(
                (
                    name,
                    label,
                    NONE if of["difference"] is None else f"{of['difference']:+.3f}",
                    NONE if of["ci95"] is None else "{:+.2f} to {:+.2f}".format(*of["ci95"]),
                    p,
                    noise.of_difference(of["ci95"]),
                )
            )
    return Table(
        "Differences between the chosen models",
        ("models", "figure", "differs", "95 %", "McNemar p", "noise"),
        rows,
        "On the same test patches; intervals by paired bootstrap over patients. McNemar's exact "
        "test takes patches for independent.",
    )


def _of_paper() -> Table:
    rows = []
    for one, two in itertools.combinations(paper.ROWS.values(), 2):
        of_one, of_two = noise.of_paper(one), noise.of_paper(two)
        for figure, label in (("accuracy", "accuracy"), ("auc_mean", "AUC, hard")):
            key = "auc_hard_mean" if figure == "auc_mean" else figure
            first, second = getattr(one, figure), getattr(two, figure)
            rows.append(
                (
                    f"{one.name} - {two.name}" if figure == "accuracy" else "",
                    label,
                    f"{first - second:+.2f}",
                    noise.verdict(first, of_one[key], second, of_two[key]),
                )
            )
    return Table(
        "The paper's own differences",
        ("models", "figure", "difference", "noise"),
        rows,
        "As of independent test sets; the paper does not print what a paired test needs. It "
        "prints no spread of its LL scores.",
    )


#: Figures whose spread over seeds is told, in two tables, and what they are called.
_SPREAD = {
    "accuracy": "accuracy", "auc_mean": "AUC", "auc_hard_mean": "AUC, hard", "ll_score": "LL",
}  # fmt: skip
_SPREAD_OF_LOOKING = {
    "lesion_auc": "lesion AUC", "malignancy_auc": "malignancy", "pointing_game": "pointing",
    "pixel_ap": "pixel AP",
}  # fmt: skip


def _seeds(title: str, chosen: Sequence[dict], names: Mapping[str, str]) -> Table:
    rows = []
    for row in chosen:
        cells = []
        for name in names:
            of = row["seeds"][name]
            spread = "" if of["deviation"] is None else f" ± {of['deviation']:.3f}"
            cells.append(f"{number(of['mean'], 3)}{spread}")
        rows.append((_name(row), str(len(row["seeds"]["accuracy"]["values"])), *cells))
    return Table(
        title,
        ("model", "seeds", *names.values()),
        rows,
        "Mean and standard deviation of the chosen set's runs.",
    )


def _name(row: dict) -> str:
    return f"{row['backbone']} {row['strategy']}"
