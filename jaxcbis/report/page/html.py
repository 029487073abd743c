"""report.html: one run, or several side by side, in one file that needs no network."""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jaxcbis.labels import LABELS
from jaxcbis.machine import files
from jaxcbis.records import predictions
from jaxcbis.records import results as results_file
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import tables, wide_tables
from jaxcbis.report.figures import curves, figures
from jaxcbis.report.figures.style import SETTINGS
from jaxcbis.report.page import gallery, svg
from jaxcbis.report.tables import NONE, Table
from jaxcbis.report.verdict import verdict, warnings

#: Headings of the figures, in the order in which they stand.
FIGURES = {
    "confusion": "Confusion",
    "roc": "ROC",
    "precision_recall": "Precision and recall",
    "reliability": "Reliability",
    "training": "Training",
    "localization": "Localisation",
}
#: What a reader must know to read them.
LEGENDS = {
    "confusion": "Share of each true class (row) by predicted class, and the number of patches.",
    "roc": "Filled dot: the most probable class decides. Hollow dot: the paper's, from its printed "
    "confusion matrix.",
    "precision_recall": "Dot: the most probable class decides.",
    "reliability": "Below the line the model is surer than it should be.",
    "training": "Star: the epoch whose weights were kept. Each phase starts with the best weights "
    "of the one before it.",
    "localization": "Left: at the chosen threshold; black: 95 % interval; grey: maps that have "
    "seen no image and, last, the most that the map's grid allows.",
}


class Picture(NamedTuple):
    """A PNG file as data URI, with its alternative text and the line below it."""

    source: str
    alt: str
    caption: str


class Run(NamedTuple):
    """What the page shows of one run; `drawings` are SVG by key of `FIGURES`."""

    name: str
    demo: bool
    verdict: list[str]
    warnings: list[str]
    what: str
    facts: list[tuple[str, str]]
    drawings: dict[str, Markup]
    wide: list[Table]
    narrow: list[Table]
    cams: list[Picture]
    config: dict
    notes: list[str]


def write(run_dir: Path | str, results: dict | None = None) -> Path:
    """Writes `run_dir/report.html` from what else the folder holds; the data are not needed.

    Args:
      run_dir: folder of the run.
      results: content of results.json, if the file does not hold it yet.

    Returns:
      The file.

    Raises:
      UserError: results.json or another file of the run cannot be read, or the report cannot be
        written.
    """
    run_dir = Path(run_dir)
    found = results or results_file.read_run(run_dir / "results.json")
    return _write(run_dir / "report.html", [run_dir], [found])


def compare(path: Path | str, run_dirs: Sequence[Path], front: Sequence[Table] = ()) -> Path:
    """Writes one report with several runs side by side.

    Patches that runs have in common are shown once, with every run's answer.

    Args:
      path: of the report.
      run_dirs: folders of the runs.
      front: tables to stand in front, e.g. those of a study.

    Returns:
      The file.

    Raises:
      UserError: as of `write`.
    """
    found = [results_file.read_run(run_dir / "results.json") for run_dir in run_dirs]
    return _write(Path(path), run_dirs, found, front)


def joint_path(run_dirs: Sequence[Path]) -> Path:
    """Where the report of several runs goes: comparison.html in the folder they have in common."""
    return Path(os.path.commonpath([run.resolve() for run in run_dirs])) / "comparison.html"


def _write(
    path: Path, run_dirs: Sequence[Path], found: Sequence[dict], front: Sequence[Table] = ()
) -> Path:
    answers = [_predictions(run_dir) for run_dir in run_dirs]
    names = _names(run_dirs)
    runs = [
        _run(run_dir, name, results, predictions, f"r{k}")
        for k, (run_dir, name, results, predictions) in enumerate(
            zip(run_dirs, names, found, answers, strict=True)
        )
    ]
    if len(runs) > 1:
        front = [*front, wide_tables.side_by_side(names, found)]
    here = Path(__file__).parent
    style, script = (
        (here / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    )
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("template.html").render(
        title=tables.run_name(found[0]) if len(runs) == 1 else f"{len(runs)} runs side by side",
        runs=runs,
        front=front,
        overview=_overview(names, found) if len(runs) > 1 else None,
        headings=FIGURES,
        legends=LEGENDS,
        paper_row=tables.PAPER,
        labels=LABELS,
        gallery=_gallery(run_dirs, names, answers),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    files.write(path, page, "free space there or make the folder writable")
    return path


def _overview(names: Sequence[str], found: Sequence[dict]) -> Markup:
    with mpl.rc_context(SETTINGS):
        figure = curves.forest(names, found)
    alt = "Accuracy and LL score of every run with 95 % intervals, as in the table above."
    return svg.inline(figure, alt, "overview")


def _run(
    run_dir: Path, name: str, results: dict, predictions: Predictions | None, prefix: str
) -> Run:
    test, located = results.get("test"), results.get("localization")
    wide = [test and wide_tables.per_class(test), located and wide_tables.localization(located)]
    narrow = [
        *tables.comparison(results), wide_tables.splits(results), wide_tables.timing(results)
    ]  # fmt: skip
    return Run(
        name=name,
        demo=tables.is_demo(results),
        verdict=verdict(results),
        warnings=warnings(results),
        what=_what(results),
        facts=_facts(results),
        drawings={
            key: svg.inline(drawing.figure, drawing.alt, f"{prefix}-{key}")
            for key, drawing in figures.draw(results, predictions).items()
        },
        wide=[table for table in wide if table],
        narrow=[table for table in narrow if table],
        cams=_cams(run_dir, predictions),
        config=results["config"],
        notes=results.get("notes") or [],
    )


def _names(run_dirs: Sequence[Path]) -> list[str]:
    """The folders' names; where two are the same, as much of the path as tells them apart."""
    paths = [run_dir.resolve().parts for run_dir in run_dirs]
    for depth in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-depth:]) for parts in paths]
        if len(set(names)) == len(set(paths)):
            break
    return names


def _what(results: dict) -> str:
    """What was run on which data, in one sentence."""
    config, data = results["config"], results.get("data") or {}
    sizes = ", ".join(
        f"{split['total']} {name}" for name, split in (data.get("splits") or {}).items()
    )
    sentence = f"{config['backbone']} with strategy {config['strategy']} on {data.get('name')}"
    if sizes:
        sentence += f" ({sizes} patches)"
    if size := config.get("image_size"):
        sentence += f" at {size} pixels"
    weights = Path((results.get("weights") or {}).get("source", NONE)).name
    return f"{sentence}; starting weights: {weights}."


def _facts(results: dict) -> list[tuple[str, str]]:
    config, data = results["config"], results.get("data") or {}
    weights, environment = results.get("weights") or {}, results.get("environment") or {}
    return [
        ("Status", str(results.get("status", NONE))),
        ("Model", f"{config['backbone']}, strategy {config['strategy']}, seed {config['seed']}"),
        ("Protocol", config["protocol"]),
        ("Data", f"{data.get('name', NONE)} ({data.get('source', NONE)})"),
        ("Weights", f"{weights.get('source', NONE)} ({weights.get('format', NONE)})"),
        (
            "Machine",
            ", ".join(f"{key} {value}" for key, value in environment.items() if value is not None),
        ),
    ]


def _predictions(run_dir: Path) -> Predictions | None:
    path = run_dir / "predictions.csv"
    return predictions.read_predictions(path) if path.is_file() else None


def _cams(run_dir: Path, predictions: Predictions | None) -> list[Picture]:
    if predictions is None:
        return []
    of_file = {gallery.file_name(str(name)): k for k, name in enumerate(predictions.ids)}
    pictures = []
    for path in sorted((run_dir / "cams").glob("*.png")):
        k = of_file.get(path.stem)
        if k is None:
            continue
        label, predicted = (
            LABELS[i] for i in (predictions.labels[k], predictions.probabilities[k].argmax())
        )
        caption = f"{predictions.ids[k]}: {label}, predicted {predicted}"
        if not np.isnan(predictions.iou[k]):
            caption += f", IoU {predictions.iou[k]:.2f}"
        alt = f"Test patch with class activation map and outline of the lesion mask, {caption}"
        source = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
        pictures.append(Picture(source, alt, caption))
    return pictures


def _gallery(
    run_dirs: Sequence[Path], names: Sequence[str], answers: Sequence[Predictions | None]
) -> dict | None:
    """All test patches, each with the answers of the runs that were tested on it."""
    patches: dict[tuple[str, int], dict] = {}
    pictures: dict[str, list[str]] = {}  # of one id there are several where runs cut differently
    for k, (run_dir, answered) in enumerate(zip(run_dirs, answers, strict=True)):
        if answered is None or not (run_dir / "gallery.json").is_file():
            continue
        held = gallery.read(run_dir)
        of_id = {item["id"]: item for item in held["patches"]}
        for name, patient, label, probabilities, iou in zip(*answered, strict=True):
            if (item := of_id.get(str(name))) is None:
                continue
            known = pictures.setdefault(item["id"], [])
            if item["image"] not in known:
                known.append(item["image"])
            repeat = known.index(item["image"])
            patch = patches.setdefault(
                (item["id"], repeat),
                {
                    "id": item["id"],
                    "link": f"{item['id']}~{repeat}" if repeat else item["id"],
                    "patient": str(patient),
                    "label": int(label),
                    "image": item["image"],
                    "outline": item["outline"],
                    "answers": [None] * len(run_dirs),
                },
            )
            patch["answers"][k] = {
                "probabilities": probabilities.tolist(),
                "iou": None if np.isnan(iou) else float(iou),
                "map": item["map"],
                "grid": held["grid"],
            }
    if not patches:
        return None
    colours = np.rint(mpl.colormaps["inferno"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return {
        "labels": LABELS,
        "runs": names,
        "colours": base64.b64encode(colours.tobytes()).decode("ascii"),
        "patches": list(patches.values()),
    }


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
