"""report.html: one run in one file that needs no network."""

import base64
import csv
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.report import results as results_file
from jaxcbis.report import tables
from jaxcbis.report.verdict import verdict, warnings

#: Alternative texts of the figures that `figures.write` draws; the tables hold the same numbers.
FIGURES = {
    "confusion": "Confusion matrix of this run, beside the paper's where it has one; "
    "the confusion table holds the same shares.",
    "training": "Loss and accuracy of train and validation set per epoch of each phase; "
    "a star marks the epoch whose weights were kept.",
}


class Picture(NamedTuple):
    """A PNG file as data URI, with its alternative text and the line below it."""

    source: str
    alt: str
    caption: str = ""


def write(run_dir: Path | str) -> Path:
    """Writes `run_dir/report.html` from the run's results.json, figures/ and cams/.

    Overlays of cams/ whose file name is an id of predictions.csv carry its prediction.

    Returns:
      The file.

    Raises:
      UserError: results.json cannot be read or the report cannot be written.
    """
    run_dir = Path(run_dir)
    results = results_file.read(run_dir / "results.json")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("template.html").render(
        name=tables.run_name(results),
        demo=tables.is_demo(results),
        verdict=verdict(results),
        warnings=warnings(results),
        facts=_facts(results),
        split_table=_split_table(results),
        tables=tables.comparison(results),
        paper_row=tables.PAPER,
        figures=_figures(run_dir),
        cams=_cams(run_dir),
        timing=results.get("timing") or {},
        config=results["config"],
        notes=results.get("notes") or [],
    )
    path = run_dir / "report.html"
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free space there or make the folder "
            "writable"
        ) from error
    return path


def _facts(results: dict) -> list[tuple[str, str]]:
    config, data = results["config"], results.get("data") or {}
    weights, environment = results.get("weights") or {}, results.get("environment") or {}
    return [
        ("Status", str(results.get("status", tables.NONE))),
        ("Model", f"{config['backbone']}, strategy {config['strategy']}"),
        ("Protocol", config["protocol"]),
        ("Data", f"{data.get('name', tables.NONE)} ({data.get('source', tables.NONE)})"),
        ("Weights", f"{weights.get('source', tables.NONE)} ({weights.get('format', tables.NONE)})"),
        (
            "Machine",
            ", ".join(f"{key} {value}" for key, value in environment.items() if value is not None),
        ),
    ]


def _split_table(results: dict) -> tables.Table | None:
    splits = (results.get("data") or {}).get("splits")
    if not splits:
        return None
    rows = [
        (label, *(str(split["per_class"].get(label, 0)) for split in splits.values()))
        for label in LABELS
    ]
    rows += [
        (key, *(str(split.get(key, tables.NONE)) for split in splits.values()))
        for key in ("total", "patients")
    ]
    return tables.Table("Patches per class and split", ("class", *splits), rows)


def _figures(run_dir: Path) -> list[Picture]:
    paths = ((run_dir / "figures" / f"{name}.png", alt) for name, alt in FIGURES.items())
    return [Picture(_data_uri(path), alt) for path, alt in paths if path.is_file()]


def _cams(run_dir: Path) -> list[Picture]:
    predictions = _predictions(run_dir / "predictions.csv")
    pictures = []
    for path in sorted((run_dir / "cams").glob("*.png")):
        caption = path.stem
        if found := predictions.get(path.stem):
            caption += f": {found['label']}, predicted {found['predicted']}"
            if found.get("iou"):
                caption += f", IoU {float(found['iou']):.2f}"
        alt = f"Test patch with class activation map and outline of the lesion mask, {caption}"
        pictures.append(Picture(_data_uri(path), alt, caption))
    return pictures


def _predictions(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
