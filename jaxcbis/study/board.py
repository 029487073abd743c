"""How far a study is: one row per backbone and strategy, one column per hyperparameter set."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich import box
from rich.table import Table

from jaxcbis.study.cells import Cell


def progress(cell: Cell, row: dict, phases: Sequence[str], epochs: int) -> str:
    """How far a run is, in one line.

    Args:
      cell: the run.
      row: the last one of its history.
      phases: their names, in their order.
      epochs: at most so many in a phase.
    """
    size, rate = _swept(cell)
    return (
        f"{cell.backbone} {cell.strategy} batch {size} rate {rate:g} seed {cell.seed}: phase "
        f"{phases.index(row['phase']) + 1} of {len(phases)} ({row['phase']}), epoch "
        f"{row['epoch']} of at most {epochs}, val loss {row['val_loss']:.4f}"
    )


def board(cells: Sequence[Cell], done: Sequence[dict], running: Mapping[Cell, str]) -> Table:
    """Validation losses of what is done, and where the runs in progress stand.

    Args:
      cells: of the whole study.
      done: cells of study.json.
      running: those in progress, each with its `progress`.

    Returns:
      A table of at most 80 columns.
    """
    sets = list(dict.fromkeys((cell.batch_size, cell.backbone_lr) for cell in cells))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("validation loss")
    for size, rate in sets:
        table.add_column(f"{size}, {rate:g}", justify="right", no_wrap=True)
    for key in dict.fromkeys((cell.backbone, cell.strategy) for cell in cells):
        row = []
        for one in sets:
            losses = [r["val_loss"] for r in done if (_key(r), _set(r)) == (key, one)]
            text = f"{np.mean(losses):.3f}" if losses else ""
            if any((cell.backbone, cell.strategy, _swept(cell)) == (*key, one) for cell in running):
                text = "runs"
            row.append(text or "·")
        table.add_row(" ".join(key), *row)
    table.caption = "\n".join(
        [
            f"{len(done)} of {len(cells)} done; {_time_left(cells, done, len(running))}",
            *running.values(),
        ]
    )
    return table


def line(cells: Sequence[Cell], done: Sequence[dict], at_once: int) -> str:
    """The run done last, in one line, where the output is no terminal; so many run at once."""
    row = done[-1]
    size, rate = _set(row)
    return (
        f"{len(done)} of {len(cells)}: {' '.join(_key(row))} batch {size} rate {rate:g} seed "
        f"{row['seed']}: val loss {row['val_loss']:.4f}, {row['seconds']:.0f} s; "
        f"{_time_left(cells, done, at_once)}"
    )


def standing(
    cells: Sequence[Cell], done: Sequence[dict], running: Sequence[str], at_once: int
) -> str:
    """How far a study and its runs in progress are, in one line; so many run at once."""
    told = f"{len(done)} of {len(cells)} runs done; {_time_left(cells, done, at_once)}"
    return "; ".join([told, *running])


def seconds_left(cells: Sequence[Cell], done: Sequence[dict]) -> float | None:
    """One run after another, each as long as the most alike of those done; None where none is."""
    if not done:
        return None
    finished = {(*_key(row), *_set(row), row["seed"]) for row in done}
    total = 0.0
    for cell in cells:
        key = (cell.backbone, cell.strategy)
        if (*key, *_swept(cell), cell.seed) not in finished:
            alike = [row["seconds"] for row in done if _key(row) == key]
            related = [row["seconds"] for row in done if row["backbone"] == cell.backbone]
            total += float(np.mean(alike or related or [row["seconds"] for row in done]))
    return total


def _time_left(cells: Sequence[Cell], done: Sequence[dict], at_once: int) -> str:
    left = seconds_left(cells, done)
    if left is None:
        return "time left not known yet"
    return f"about {left / at_once / 60:.0f} min left"


def _key(row: dict) -> tuple[str, str]:
    return row["backbone"], row["strategy"]


def _set(row: dict) -> tuple[int, float]:
    return row["hyperparameters"]["batch_size"], row["hyperparameters"]["backbone_lr"]


def _swept(cell: Cell) -> tuple[int, float]:
    return cell.batch_size, cell.backbone_lr
