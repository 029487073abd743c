"""Made-up studies: rows of study.json, and the results behind them."""

from jaxcbis.study.choice import choose
from tests.report import example_run


def cell(val_loss, accuracy, *, batch_size=8, seed=0, backbone="vgg19", run="a", seconds=60.0):
    """A row of study.json."""
    return {
        "backbone": backbone, "strategy": "s1", "seed": seed, "val_loss": val_loss, "run": run,
        "hyperparameters": {"batch_size": batch_size, "backbone_lr": 3e-5, "head_lr": 1e-4},
        "seconds": seconds, "epochs": 3,
        "test": {"accuracy": accuracy, "auc_mean": 0.5, "auc_hard_mean": 0.5},
        "localization": {"ll_score": None},
    }  # fmt: skip


def record():
    """study.json of two runs, and their results."""
    runs = {name: example_run.results(strategy=name) for name in ("s1", "s2")}
    cells = [
        cell(0.5, result["test"]["accuracy"], run=name, backbone="resnet50")
        | {"strategy": name, "test": result["test"], "localization": result["localization"]}
        for name, result in runs.items()
    ]
    found = {
        "cells": cells, "chosen": choose(cells), "notes": ["a note"],
        "comparisons": [
            {
                "runs": ["s1", "s2"],
                "mcnemar": {"only_first": 1, "only_second": 2, "p": 1.0},
                "differences": {
                    name: {"difference": 0.1, "ci95": [0.05, 0.2]}
                    for name in ("accuracy", "auc_mean", "ll_score")
                },
            }
        ],
    }  # fmt: skip
    return found, runs
