"""What a study found, in the small table that its command ends with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxcbis.machine.console import console, link
from jaxcbis.report import terminal, tiles
from jaxcbis.report.blind import against_blind_maps
from jaxcbis.report.tables import Table, mark, number, with_interval


def show(folder: Path, study: dict, runs: Mapping[str, dict], tables: Sequence[Table]) -> None:
    """Prints what was found: the tables if --verbose asks for them, the notes, and the answer.

    Args:
      folder: of the study.
      study, runs: as of `table`.
      tables: of `tables.of`.
    """
    terminal.show_if_verbose(console, tables, ())
    for note in study["notes"]:  # its runs said nothing of what they noted
        terminal.prose(console, f"Note: {note}")
    console.print()
    terminal.show(console, [table(study, runs)])
    terminal.say(console, "Report", link(folder / "report.html"))
    terminal.point_to_tables(console, folder)


def table(study: dict, runs: Mapping[str, dict]) -> Table:
    """The chosen models, each beside the paper and beside the best blind map.

    Args:
      study: content of the study.json of a finished study.
      runs: results.json of every chosen run, by its folder in the study.

    Returns:
      A table of at most 80 columns.
    """
    rows = []
    for row in study["chosen"]:
        found = runs[row["run"]]
        test, located = found["test"], found["localization"]
        blind = against_blind_maps(located)
        rows.append(
            (
                f"{row['backbone']} {row['strategy']}",
                with_interval(test["accuracy"], test["accuracy_ci95"]),
                number(tiles.paper_accuracy(found)),
                with_interval(located["ll_score"], located["ll_score_ci95"]),
                number(blind and blind.value),
            )
        )
    first = runs[study["chosen"][0]["run"]]
    return Table(
        f"Chosen of {len(study['cells'])} runs by validation loss{mark(first)}",
        ("model", "accuracy (95 %)", "paper", "LL (95 %)", "blind map"),
        rows,
        "On the test set. Blind map: LL of the best map made without a model.",
    )
