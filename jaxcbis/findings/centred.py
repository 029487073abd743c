"""What studies on centred lesions say, by the paper's protocol and the clean one, in Markdown."""

from collections.abc import Sequence

from jaxcbis.audit import tables as audit_tables
from jaxcbis.evaluation.bootstrap import BETTER
from jaxcbis.labels import LABELS
from jaxcbis.report import formats
from jaxcbis.report.tables import Table, map_method, number, with_interval

#: As the one document, and beside that on shifted lesions.
TITLE = "Does the patch model look at the lesion?"
TITLE_BESIDE = "Does the patch model look at the lesion? Asked with centred lesions"


def text(studies: dict[str, dict], audit: dict, title: str = TITLE) -> str:
    """The document, in Markdown.

    Args:
      studies: content of study.json by protocol, 'paper' and 'clean'.
      audit: content of audit.json, of the runs that the studies chose.
      title: of the document.
    """
    config = studies["paper"]["config"]
    absent = [
        label
        for label in LABELS
        if not _chosen(studies["paper"])[0]["test"]["per_class"][label]["support"]
    ]
    parts = [
        f"# {title}",
        "\n".join(f"- {line}" for line in _answers(studies, audit)),
        "## The runs that were asked",
        f"Images of {config['image_size']} pixels, at most {config['epochs']} epochs a phase, "
        f"patience {config['patience']}, seeds: {_seeds(studies['paper'])}. Each study is "
        "`python -m jaxcbis study` with these options, the audit `python -m jaxcbis audit` of the "
        "runs that they chose. `python -m jaxcbis findings docs` makes this document from the "
        "files in `docs/results`.",
        "## What these data cannot tell",
        "\n".join(f"- {line}" for line in _limits(studies["paper"], absent)),
        formats.markdown(_accuracy(studies)),
        formats.markdown(_localization(studies)),
        *(formats.markdown(table) for table in audit_tables.of(audit)),
        "## The audit in words",
        "\n".join(f"- {line}" for line in (*audit_tables.words(audit), *audit["notes"])),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _answers(studies: dict[str, dict], audit: dict) -> list[str]:
    clean = [_beats(cell["localization"]) for cell in _chosen(studies["clean"])]
    shown = "all" if all(clean) else "some" if any(clean) else "none"
    lines = [f"**On these data, {_VERDICTS[shown]}**"]
    for protocol, study in studies.items():
        cells, method = _chosen(study), map_method(study["config"])
        better = [_name(cell) for cell in cells if _beats(cell["localization"])]
        others = [_name(cell) for cell in cells if not _beats(cell["localization"])]
        if others:
            lines.append(
                f"{protocol} protocol: the {method} maps of {', '.join(others)} meet the masks no "
                "better than a map that is hot everywhere (LL score, 95 % interval)."
            )
        if better:
            lines.append(
                f"{protocol} protocol: those of {', '.join(better)} meet them better than a map "
                "that is hot everywhere."
            )
    for protocol, study in studies.items():
        best = max(_chosen(study), key=lambda cell: -cell["val_loss"])
        test = best["test"]
        interval = "{:.2f} to {:.2f}".format(*test["accuracy_ci95"])
        trivial = max(
            (row for row in audit["baselines"] if row["protocol"] == protocol),
            key=lambda row: row["accuracy"],
        )
        lines.append(
            f"{protocol} protocol: the model with the lowest validation loss, {_name(best)}, "
            f"classifies {test['accuracy']:.2f} ({interval}) of the test patches rightly; a "
            f"logistic regression on {_SEES[trivial['name']]} reaches {trivial['accuracy']:.2f}."
        )
    pointing = [
        (cell, cell["localization"]["samples"]["all"]["lesions"]["pointing_game"])
        for cell in _chosen(studies["clean"])
    ]
    told = ", ".join(f"{_name(cell)} {number(value)}" for cell, value in pointing)
    lines.append(f"The maximum of the map lies on the lesion, clean protocol, this often: {told}.")
    return lines


#: By how many of the clean protocol's models have maps better than a map that is hot everywhere.
_VERDICTS = {
    "all": "the maps say that it does.",
    "some": "the maps of some models say that it does, those of others do not.",
    "none": "nothing shows that it does: the class is in the patch, but no map finds the lesion.",
}
_SEES = {
    "intensity": "mean and deviation of intensity",
    "size": "the crop's size",
    "both": "intensity and size of the crop",
}


def _limits(study: dict, absent: Sequence[str]) -> list[str]:
    lines = [
        "No published figure can be checked with them: the study's own data are full-size "
        "mammograms, and a lesion is 12 to 25 pixels wide in these.",
        "One seed, few epochs: another seed may choose another set.",
    ]
    if absent:
        lines.insert(
            0,
            f"They hold no {' and no '.join(absent)}: what is said of masses may not hold for "
            "calcifications, which are smaller and of another texture.",
        )
    if any(cell["localization"]["grid"] < 4 for cell in study["cells"]):
        grids = sorted({cell["localization"]["grid"] for cell in study["cells"]})
        cells = " or ".join(f"{grid} x {grid}" for grid in grids)
        lines.append(
            f"Maps of {cells} cells can hardly outline a lesion; "
            "the figure 'mask at the grid' is what the mask itself reaches on such a grid."
        )
        if 2 in grids:
            lines.append(
                "The maximum of a 2 x 2 map, once enlarged, lies in a corner of the patch, and the "
                "lesion in its middle: that the maximum misses it says nothing."
            )
    return lines


def _accuracy(studies: dict[str, dict]) -> Table:
    rows = []
    for protocol, study in studies.items():
        for cell in _chosen(study):
            test = cell["test"]
            other = cell["test_without_label_normalization"] or cell["test_official"]
            rows.append(
                (
                    f"{_name(cell)}, {protocol}",
                    str(test["n"]),
                    with_interval(test["accuracy"], test["accuracy_ci95"]),
                    with_interval(other["accuracy"], other["accuracy_ci95"]),
                    with_interval(test["auc_mean"], test["auc_mean_ci95"]),
                    number(test["calibration"]["ece"]),
                )
            )
    return Table(
        "Accuracy of the chosen models",
        ("model, protocol", "n", "accuracy (95 %)", "asked otherwise", "AUC (95 %)", "ECE"),
        rows,
        "Asked otherwise: without label normalisation (paper), on the whole official test split "
        "(clean).",
    )


def _localization(studies: dict[str, dict]) -> Table:
    rows = []
    for protocol, study in studies.items():
        for cell in _chosen(study):
            found = cell["localization"]
            everything = found["samples"]["all"]["lesions"]
            rows.append(
                (
                    f"{_name(cell)}, {protocol}",
                    f"{found['grid']} x {found['grid']}",
                    with_interval(found["ll_score"], found["ll_score_ci95"]),
                    number(found["baselines"]["all_ones"]),
                    number(found["baselines"]["centred_gaussian"]),
                    number(found["baselines"]["grid_ceiling"]),
                    number(everything["pixel_average_precision"]),
                    number(
                        found["baseline_figures"]["all_ones"]["lesions"]["pixel_average_precision"]
                    ),
                )
            )
    return Table(
        "Where the chosen models look",
        (
            "model, protocol", "grid", "LL (95 %)", "all ones", "centre", "mask at the grid",
            "pixel AP", "all ones",
        ),
        rows,
        "LL: over lesions classified correctly, with what maps without a model reach on the same "
        "ones. Pixel AP: average precision of the maps' pixels over every lesion.",
    )  # fmt: skip


def _beats(found: dict) -> bool:
    """Whether the maps are better than a map of all ones.

    Results from before there was a paired comparison have only the LL score's own interval.
    """
    if against := found.get("against_baselines"):
        return against["all_ones"]["verdict"] == BETTER
    interval = found["ll_score_ci95"]
    return bool(interval) and interval[0] > found["baselines"]["all_ones"]


def _chosen(study: dict) -> list[dict]:
    runs = {row["run"] for row in study["chosen"]}
    return [cell for cell in study["cells"] if cell["run"] in runs]


def _name(cell: dict) -> str:
    return f"{cell['backbone']} {cell['strategy']}"


def _seeds(study: dict) -> int:
    return len({cell["seed"] for cell in study["cells"]})
