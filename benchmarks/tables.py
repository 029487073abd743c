"""Writes the tables of docs/benchmarks.md from the committed results, or checks them."""

import argparse
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.table import Table
from rich.text import Text

from benchmarks import ROOT, report
from benchmarks.gpu import parity
from benchmarks.gpu import report as gpu_report
from benchmarks.mammograms import report as mammograms_report
from benchmarks.quality import report as quality_report
from benchmarks.scaling import report as scaling_report
from benchmarks.speed import profile
from jaxcbis.commands.words import Parser
from jaxcbis.errors import UserError

RESULTS = ROOT / "benchmarks" / "results"
PAGE = "docs/benchmarks.md"
BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def main(arguments: list[str]) -> None:
    """Runs the command.

    Raises:
      UserError: bad usage, a file that is no result, no marks on the page, or, with --check,
        tables that are not those of the files.
    """
    options = _parser().parse_args(arguments)
    page = ROOT / PAGE
    text = page.read_text(encoding="utf-8")
    new = fill(text, tables(RESULTS))
    if not options.check:
        page.write_text(new, encoding="utf-8")
    elif new != text:
        raise UserError(
            f"{PAGE}: its tables are not those of benchmarks/results; "
            "run python -m benchmarks tables"
        )


def fill(text: str, content: str) -> str:
    """Puts the content between the marks.

    Raises:
      UserError: there is not one of each mark, in order.
    """
    before, *rest = text.split(BEGIN)
    parts = rest[0].split(END) if len(rest) == 1 else []
    if len(parts) != 2:
        raise UserError(f"{PAGE}: expected {BEGIN} and {END}, once each; put them back")
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{parts[1]}"


def tables(folder: Path) -> str:
    """A table for every result file in a folder, in Markdown.

    Files of `benchmarks gpu` that hold rows of one kind, from one machine and commit, share one.

    Raises:
      UserError: a file is no result of one of the benchmarks.
    """
    tables: dict[tuple, tuple[dict, list[str]]] = {}
    for path in sorted(folder.glob("*.json")):
        with _reading(path):
            results = json.loads(path.read_text(encoding="utf-8"))
            key: tuple = (path.name,)
            if path.name.startswith("gpu-") and "rows" in results:
                key = results["kind"], _machine(results), results["versions"]["git_commit"]
            merged, names = tables.get(key, ({}, []))
            merged = results | {
                name: merged.get(name, []) + results[name]
                for name in ("rows", "notes")
                if name in results
            }
            tables[key] = merged, [*names, path.name]
    parts: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for results, names in tables.values():
        with _reading(folder / names[0]):
            table, lines = _KINDS[results["kind"]][1](results)
            files = ", ".join(f"`{name}`" for name in names)
            below = "\n".join(f"- {line}" for line in lines)
            heading = f"{_machine(results)} ({files})"
            parts[results["kind"]] += [heading, _markdown(table), below]
    titled = ([f"### {_KINDS[kind][0]}", *found] for kind, found in parts.items() if found)
    return "\n\n".join(itertools.chain(*titled))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: expected results of python -m benchmarks, got {error!r} on reading it; "
            "measure them again"
        ) from error


def _rows(results: dict) -> tuple[Table, list[str]]:
    return report.table(results), report.footnotes(results)


def _scaling(results: dict) -> tuple[Table, list[str]]:
    return scaling_report.summary(results), scaling_report.footnotes(results)


def _mammograms(results: dict) -> tuple[Table, list[str]]:
    below = mammograms_report.footnotes(results)
    return mammograms_report.table(results), [*below, *_commit(results)]


def _quality(results: dict) -> tuple[Table, list[str]]:
    config = results["config"]
    recipe = (config["backbone"], config["strategy"].upper(), f"{config['image_size']} pixels")
    line = f"{', '.join(recipe)}, {results['data']['name']}"
    return quality_report.tables(results)[0], [line]


def _profile(results: dict) -> tuple[Table, list[str]]:
    return profile.table(results), _commit(results)


def _commit(results: dict) -> list[str]:
    return [f"commit {(results['versions']['git_commit'] or 'unknown')[:7]}"]


def _parity(results: dict) -> tuple[Table, list[str]]:
    what = f"{results['batch']} images of {results['image_size']} pixels, beside a CPU in float32"
    return parity.table(results), [f"{what}; in brackets the most that is allowed"]


def _run(results: dict) -> tuple[Table, list[str]]:
    said = "seconds: of the whole command, from its start; compiling is in training, test and maps"
    notes = dict.fromkeys(note for row in results["rows"] for note in row["run"]["notes"])
    of_figures = [note for note in notes if "not comparable" in note]
    return gpu_report.runs(results), [said, *of_figures, *_commit(results)]


def _study(results: dict) -> tuple[Table, list[str]]:
    return gpu_report.study(results), [_came_to(results), *_commit(results)]


def _came_to(study: dict) -> str:
    """How far a study came in its time; files of old do not tell how many runs were planned."""
    done, planned = study["done"], study.get("planned")
    if done == planned:
        return f"the whole study: all {planned} runs"
    of = f"{len(study['runs'])} runs begun" if planned is None else f"{planned} planned runs"
    return f"cut at {study['seconds']:.0f} s, with {done} of its {of} done"


def _machine_table(results: dict) -> tuple[Table, list[str]]:
    return gpu_report.machine(results), results["hardware"]["gpus"]


#: Kind of results -> its title, the table of its figures, and what stands below it; in the page's
#: order.
_KINDS = {
    "rows": ("Speed, row by row", _rows),
    "quality": ("The same recipe in PyTorch", _quality),
    "scaling": ("Seconds and memory as the work grows", _scaling),
    "mammograms": ("Whole mammograms", _mammograms),
    "profile": ("Where the time of a training step goes", _profile),
    "machine": ("The machine", _machine_table),
    "parity": ("The GPU beside the CPU", _parity),
    "run": ("Whole runs", _run),
    "study": ("A whole study", _study),
}


def _machine(results: dict) -> str:
    hardware, versions = results["hardware"], results["versions"]
    if hardware["backend"] == "cpu":
        name = f"{hardware['processor']}, {hardware['host_cores']} cores"
    else:
        name = hardware["device"]
    torch = f", PyTorch {versions['torch']}" if versions["torch"] else ""
    return f"**{name}**, {hardware['precision']}, jax {versions['jax']}{torch}"


def _markdown(table: Table) -> str:
    columns = [
        [str(column.header), "---", *(Text.from_markup(str(cell)).plain for cell in column.cells)]
        for column in table.columns
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="benchmarks tables", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is right")
    return parser
