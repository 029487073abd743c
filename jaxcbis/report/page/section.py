"""What a page shows of one run, beside its gallery."""

from typing import NamedTuple

from jaxcbis.records.command import command
from jaxcbis.report import tables, tiles
from jaxcbis.report.page import model_card, pictures, wide_tables
from jaxcbis.report.page.folder import Run
from jaxcbis.report.page.pictures import Picture
from jaxcbis.report.tables import NONE, Table, map_words
from jaxcbis.report.tiles import Tile
from jaxcbis.report.verdict import verdict, warnings


class Section(NamedTuple):
    """A run in words, tables and pictures.

    Attributes:
      name: of the run among those of the page.
      badges: what a title must say of it: demo data, random weights.
      what: was run on which data, in one sentence.
      verdict, warnings: sentences.
      tiles: the answer in figures.
      beside: tables with the paper's figures beside the run's.
      figures: by name, as of `pictures.figures`.
      legends: what a reader must know to read them, by name; of `examples` too.
      examples: overlays of a few patches.
      classes, maps, narrow: further tables, where there are any.
      command: repeats the run.
      card: the model card, names and texts.
      facts: status, weights and machine, names and values.
      config: all options.
      notes: of results.json.
    """

    name: str
    badges: list[str]
    what: str
    verdict: list[str]
    warnings: list[str]
    tiles: list[Tile]
    beside: list[Table]
    figures: dict[str, Picture]
    legends: dict[str, str]
    examples: list[Picture]
    classes: list[Table]
    maps: list[Table]
    narrow: list[Table]
    command: str
    card: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    config: dict
    notes: list[str]


def of(run: Run) -> Section:
    """Brings together what there is of a run, finished or not.

    Raises:
      UserError: a figure cannot be read or drawn.
    """
    results = run.results
    classes, maps = wide_tables.per_class(results), wide_tables.localization(results)
    narrow = [
        tables.covering(results), wide_tables.splits(results), wide_tables.timing(results)
    ]  # fmt: skip
    return Section(
        name=run.name,
        badges=tables.marks(results),
        what=_what(results),
        verdict=verdict(results),
        warnings=warnings(results),
        tiles=tiles.of(results),
        beside=tables.beside_paper(results),
        figures=pictures.figures(run),
        legends=_legends(results),
        examples=pictures.examples(run),
        classes=[classes] if classes else [],
        maps=[maps] if maps else [],
        narrow=[table for table in narrow if table],
        command=command(results["config"]),
        card=model_card.of(results),
        facts=_facts(results),
        config=results["config"],
        notes=results.get("notes") or [],
    )


def _legends(results: dict) -> dict[str, str]:
    method = map_words(results["config"])
    scored = tables.scored_maps(results) if results.get("localization") else method
    return {
        "roc": "Filled dot: the most probable class decides. Hollow dot: the paper's, from its "
        "printed confusion matrix.",
        "precision_recall": "Dot: the most probable class decides.",
        "reliability": "Below the line the model is surer than it should be.",
        "training": "Star: the epoch whose weights were kept. Each phase starts with the best "
        "weights of the one before it.",
        "localization": f"{scored}. Left: LL score, with its 95 % interval; grey: blind "
        "maps and, last, the most that the map's grid allows. Right: the same by "
        "threshold.",
        "covering": "From the lesion that lost most of its p(lesion) when it was covered to the "
        f"one that lost least. Outline: the radiologist's mask. Map: {method}.",
        "examples": f"Colour: the {method} map of the predicted class as share of its maximum. "
        "Outline: the radiologist's mask.",
    }


def _what(results: dict) -> str:
    config, data = results["config"], results.get("data") or {}
    splits = data.get("splits") or {}
    sentence = str(data.get("name", NONE))
    if "train" in splits and "test" in splits:
        sentence += (
            f": {splits['train']['total']} patches to train, {splits['test']['total']} to test"
        )
    if size := config.get("image_size"):
        sentence += f", {size} x {size} pixels"
    return f"{sentence}."


def _facts(results: dict) -> list[tuple[str, str]]:
    data, weights = results.get("data") or {}, results.get("weights") or {}
    environment = results.get("environment") or {}
    machine = (f"{key} {value}" for key, value in environment.items() if value is not None)
    return [
        ("Status", str(results.get("status", NONE))),
        ("Data", str(data.get("source", NONE))),
        ("Weights", f"{weights.get('source', NONE)} ({weights.get('format', NONE)})"),
        ("SHA-256 of the weights", str(weights.get("sha256") or NONE)),
        ("Machine", ", ".join(machine)),
    ]
