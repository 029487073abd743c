"""Made-up runs, what they say of the shifted test set, and `looking` of audit.json."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from jaxcbis import config
from jaxcbis.audit.looking import comparing, tables
from jaxcbis.audit.looking.asking import Look
from jaxcbis.data.patches import Patches
from jaxcbis.labels import LABELS
from tests import tiny  # noqa: F401 - registers its backbones

SIZE = 8
BLIND = ("all_ones", "centred_gaussian", "mean_training_mask", "blurred_brightness")
FIGURES = (
    *tables.TOLD, "lesion_auc_intact", "covered_less_intact", "elsewhere_less_intact",
)  # fmt: skip


def finished(**given) -> SimpleNamespace:
    """What a run is known by, of the shifted protocol if nothing else is said."""
    options = config.resolve({"backbone": "tiny", "protocol": "shifted"} | given)
    name = "-".join(map(str, given.values())) or "plain"
    results = {"weights": {"sha256": None}, "localization": {}}
    return SimpleNamespace(config=options, results=results, folder=Path(name))


def patches(count: int = 60) -> Patches:
    """Patches of every class but BENIGN_Calc, two of each patient, with a lesion in the corner."""
    labels = np.array([0, 2, 4, 3])[np.arange(count) % 4].astype(np.int32)
    masks = np.zeros((count, SIZE, SIZE), bool)
    masks[labels > 0, :4, :3] = True
    images = np.random.default_rng(0).integers(0, 256, masks.shape, np.uint8)
    ids = np.arange(count).astype(str)
    return Patches(images, masks, labels, ids, ids[np.arange(count) // 2], masks.shape[1] * 2
                   * np.ones((count, 2), np.int32))  # fmt: skip


def look(test: Patches, items: np.ndarray, seed: int = 0) -> Look:
    """Answers and maps drawn at random."""
    rng = np.random.default_rng(seed)

    def told(count: int) -> np.ndarray:
        return rng.dirichlet(np.ones(len(LABELS)), count)

    probabilities = told(len(test))
    probabilities[np.arange(len(test)), test.labels] += 0.5
    probabilities /= probabilities.sum(1, keepdims=True)
    lesions = int((test.labels > 0).sum())
    names = (
        "ll_score", "ll_score_from_validation", "pointing_game", "energy_in_mask", "pixel_ap",
    )  # fmt: skip
    return Look(
        rng.random((len(test), 4, 4), np.float32), probabilities, told(len(items)),
        told(len(items)), 0.5, {name: rng.random(lesions) for name in names},
    )  # fmt: skip


def run(protocol: str = "shifted", look_weight: float = 0.0, seed: int = 0, **figures) -> dict:
    """A row of `runs`; `figures` by name: value, low, high."""
    every = {name: {"value": 0.5, "ci95": [0.4, 0.6]} for name in FIGURES}
    every |= {name: {"value": of[0], "ci95": [*of[1:]]} for name, of in figures.items()}
    ahead = {"value": 0.3, "difference": 0.2, "ci95": [0.1, 0.3], "verdict": "better"}
    return {
        "run": "a", "protocol": protocol, "backbone": "resnet50", "strategy": "s2",
        "head": "pool", "output_stride": 16, "cam_method": "gradcam", "look_weight": look_weight,
        "seed": seed, "image_size": 112, "windows": None if protocol == "clean" else 3, "epochs": 2,
        "precision": "float32", "device": "cpu",
        "alike": False, "grid": 7,
        "threshold_from_validation": 0.35, "figures": every,
        "blind": {
            kind: {name: dict(ahead) for name in ("ll_score", "pointing_game", "pixel_ap")}
            for kind in BLIND
        },
    }  # fmt: skip


def difference(
    look_weight: float = 1.0, option: str = "look_weight", seeds=(0, 1), **verdicts
) -> dict:
    """A row of `differences`; `verdicts` by name, all else within noise."""
    ends = {"better": [0.01, 0.09], "worse": [-0.09, -0.01], "within noise": [-0.02, 0.02]}
    figures = {}
    for name in FIGURES:
        verdict = verdicts.get(name, "within noise")
        low, high = ends[verdict]
        middle = {"difference": (low + high) / 2, "ci95": [low, high], "verdict": verdict}
        figures[name] = middle
    pair = {
        "backbone": "resnet50", "strategy": "s2", "head": "pool", "output_stride": 16,
        "cam_method": "gradcam",
    }  # fmt: skip
    return {
        "pair": pair, "look_weight": look_weight, "option": option,
        "against": comparing.BASES[option], "seeds": list(seeds), "figures": figures,
    }  # fmt: skip


def looking(runs=None, differences=None) -> dict:
    """`looking` of a clean run, a plain shifted one and one with the term, or of others."""
    runs = runs or [run("clean"), run(), run(look_weight=1.0)]
    figures = {
        name: {"value": 0.3, "ci95": [0.2, 0.4]}
        for name in ("ll_score", "pointing_game", "pixel_ap")
    }
    per_class = dict(zip(LABELS, (10, 0, 20, 0, 30), strict=True))
    return {
        "n": {
            "test": 60, "lesions": 50, "covered": 40, "patients": 30, "per_class": per_class,
            "lesion_side": 18.4,
        },
        "runs": runs,
        "differences": [difference()] if differences is None else differences,
        "blind": [{"name": name, "grid": 7, "figures": figures} for name in BLIND],
        "picture": {
            "file": "looking.png", "rule": "by a draw", "ids": ["x"],
            "columns": [{"title": f"column\n{k}", "run": k} for k in range(len(runs))],
        },
    }  # fmt: skip


def audit(looking: dict) -> dict:
    """audit.json."""
    return {
        "rows": [], "baselines": [], "faithfulness": [], "randomization": [], "localization": [],
        "looking": looking, "notes": ["a note"],
    }  # fmt: skip
