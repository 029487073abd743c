"""What the page shows of one run, beside its gallery."""

from pathlib import Path
from typing import NamedTuple

from jaxcbis.report import tables
from jaxcbis.report.page import pictures, wide_tables
from jaxcbis.report.page.folder import Run
from jaxcbis.report.page.pictures import Picture
from jaxcbis.report.tables import NONE, Table
from jaxcbis.report.verdict import verdict, warnings


class Section(NamedTuple):
    """A run in words, tables and pictures.

    Attributes:
      name: of the run among those of the page.
      demo: whether its data are the built-in demo data.
      verdict, warnings: sentences.
      what: was run on which data, in one sentence.
      facts: names and values.
      figures: by name, as of `pictures.figures`.
      wide, narrow: tables, by the room they need.
      examples: overlays of a few patches.
      config: all options.
      notes: of results.json.
    """

    name: str
    demo: bool
    verdict: list[str]
    warnings: list[str]
    what: str
    facts: list[tuple[str, str]]
    figures: dict[str, Picture]
    wide: list[Table]
    narrow: list[Table]
    examples: list[Picture]
    config: dict
    notes: list[str]


def of(run: Run) -> Section:
    """Brings together what there is of a run, finished or not.

    Raises:
      UserError: a figure cannot be read or drawn.
    """
    results = run.results
    test, located = results.get("test"), results.get("localization")
    wide = [test and wide_tables.per_class(test), located and wide_tables.localization(located)]
    narrow = [
        *tables.comparison(results), wide_tables.splits(results), wide_tables.timing(results)
    ]  # fmt: skip
    return Section(
        name=run.name,
        demo=tables.is_demo(results),
        verdict=verdict(results),
        warnings=warnings(results),
        what=_what(results),
        facts=_facts(results),
        figures=pictures.figures(run),
        wide=[table for table in wide if table],
        narrow=[table for table in narrow if table],
        examples=pictures.examples(run),
        config=results["config"],
        notes=results.get("notes") or [],
    )


def _what(results: dict) -> str:
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
    machine = (f"{key} {value}" for key, value in environment.items() if value is not None)
    return [
        ("Status", str(results.get("status", NONE))),
        ("Model", f"{config['backbone']}, strategy {config['strategy']}, seed {config['seed']}"),
        ("Protocol", config["protocol"]),
        ("Data", f"{data.get('name', NONE)} ({data.get('source', NONE)})"),
        ("Weights", f"{weights.get('source', NONE)} ({weights.get('format', NONE)})"),
        ("Machine", ", ".join(machine)),
    ]
