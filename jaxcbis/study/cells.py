"""The cells of a study: every backbone, strategy, hyperparameter set and seed is one run."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxcbis import config as options
from jaxcbis.config import Config
from jaxcbis.errors import UserError
from jaxcbis.records import results
from jaxcbis.report import tables

#: The six hyperparameter sets: all four best rows of the paper's Table II lie in them.
BATCH_SIZES = (8, 16, 32)
BACKBONE_RATES = (3e-5, 3e-4)
#: Options that the cells differ in.
SWEPT = ("backbone", "strategy", "batch_size", "backbone_lr", "seed", "weights")


class Cell(NamedTuple):
    """One run of the study."""

    backbone: str
    strategy: str
    batch_size: int
    backbone_lr: float
    seed: int

    @property
    def run(self) -> str:
        """Its folder inside the study's."""
        return (
            f"runs/{self.backbone}-{self.strategy}-batch{self.batch_size}"
            f"-rate{self.backbone_lr:g}-seed{self.seed}"
        )


class Grid(NamedTuple):
    """What a study sweeps over.

    Attributes:
      backbones, strategies: names.
      seeds: how many, from 0 on.
      weights: one for all backbones, or one per backbone in their order.
      batch_sizes, backbone_rates: every pair is a hyperparameter set.
    """

    backbones: Sequence[str]
    strategies: Sequence[str]
    seeds: int
    weights: Sequence[str]
    batch_sizes: Sequence[int] = BATCH_SIZES
    backbone_rates: Sequence[float] = BACKBONE_RATES

    @property
    def sets(self) -> list[tuple[int, float]]:
        """The hyperparameter sets: (batch size, learning rate of the last stage)."""
        return list(itertools.product(self.batch_sizes, self.backbone_rates))

    def cells(self) -> list[Cell]:
        """All runs; those that share a backbone and seed stand in a row."""
        return [
            Cell(backbone, strategy, batch_size, rate, seed)
            for backbone in self.backbones
            for seed in range(self.seeds)
            for strategy in self.strategies
            for batch_size, rate in self.sets
        ]

    def weights_of(self) -> dict[str, str]:
        """The weights of every backbone.

        Raises:
          UserError: there are neither one nor as many as backbones.
        """
        if len(self.weights) not in (1, len(self.backbones)):
            raise UserError(
                f"--weights: got {len(self.weights)} for {len(self.backbones)} backbones; give one "
                "for all, or one per backbone in their order"
            )
        return dict(zip(self.backbones, itertools.cycle(self.weights), strict=False))


def configure(given: dict[str, Any], cell: Cell, weights: str, folder: Path) -> Config:
    """The options of a cell's run.

    Args:
      given: options that all runs have in common, by field name.
      cell, weights: of the run.
      folder: of the study.

    Raises:
      UserError: of `config.resolve`.
    """
    own = {"weights": weights, "output": str(folder / cell.run), "resume": True}
    return options.resolve(given | cell._asdict() | own)


def record(cell: Cell, found: dict) -> dict:
    """A cell as study.json has it.

    Args:
      cell: that was run.
      found: content of its results.json.
    """
    timing = found["timing"]
    return {
        "backbone": cell.backbone,
        "strategy": cell.strategy,
        "hyperparameters": {
            "batch_size": cell.batch_size,
            "backbone_lr": cell.backbone_lr,
            "head_lr": found["config"]["head_lr"],
        },
        "seed": cell.seed,
        "output_stride": found["config"].get("output_stride"),
        "head": found["config"].get("head"),
        "val_loss": found["best"]["val_loss"],
        "epochs": tables.epochs_to_best(found),
        "run": cell.run,
        "test": found["test"],
        "test_without_label_normalization": found["test_without_label_normalization"],
        "test_official": found["test_official"],
        "localization": found["localization"],
        "covering": found.get("covering"),
        "seconds": timing["train_s"] + timing["evaluate_s"] + timing["cam_s"],
    }


def of(row: dict) -> Cell:
    """The cell of a row of study.json."""
    sets = row["hyperparameters"]
    return Cell(
        row["backbone"], row["strategy"], sets["batch_size"], sets["backbone_lr"], row["seed"]
    )


def done(cells: Sequence[Cell], folder: Path) -> list[dict]:
    """The cells whose runs in a study's folder are finished, as study.json has them.

    Raises:
      UserError: a run's results cannot be read.
    """
    found = {
        cell: results.read(path)
        for cell in cells
        if (path := folder / cell.run / "results.json").exists()
    }
    return [record(cell, of) for cell, of in found.items() if of["status"] == results.FINISHED]
