"""What runs reach on the shifted test set, and what differs between those that differ in one thing.

All intervals are of the same bootstrap samples of whole patients, drawn once for all runs, so that
a difference is paired by test patch, and by seed where there are several. A figure of correctly
classified lesions is each run's own: the difference of two LL scores is that of two scores as they
are defined, each over what its run gets right, not over what both get right.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxcbis.audit.looking.asking import Look
from jaxcbis.config import INCIDENTAL, Config
from jaxcbis.data.patches import Patches
from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap, metrics
from jaxcbis.labels import BACKGROUND
from jaxcbis.runs.finished import Finished

#: Of these a smaller one is better: who uses the lesion cannot do without it.
LESS_IS_BETTER = ("lesion_auc_covered", "covered_less_intact", "covered_less_elsewhere")
#: What a run's maps are held against map by map.
OF_BLIND_MAPS = ("ll_score", "pointing_game", "pixel_ap")
#: Options in which runs of one kind may differ; the data are compared as such, weights by content.
_FREE = (
    *INCIDENTAL, "seed", "look_weight", "protocol", "windows", "background_size", "data", "weights",
)  # fmt: skip
#: In which options runs are compared, and the value that others are held against.
BASES = {
    "protocol": "clean", "look_weight": 0, "head": "flatten", "output_stride": 32,
    "cam_method": "gradcam",
}  # fmt: skip

#: By name, a figure [1 + samples]: as it is, then of every bootstrap sample; NaN where it has none.
Drawn = dict[str, NDArray]


class Asked(NamedTuple):
    """A run and what it said of the test set."""

    run: Finished
    look: Look


def times(patients: NDArray) -> NDArray:
    """float64 [1 + samples, n]: every item once, then as often as each bootstrap sample has it."""
    whole = np.ones((1, len(patients)))
    drawn = bootstrap.draw(patients)
    return whole if drawn is None else np.concatenate([whole, drawn])


def drawn(look: Look, test: Patches, items: NDArray, times: NDArray) -> Drawn:
    """A run's figures.

    Args:
      look: of the run.
      test: what it was asked.
      items: of `Covered`.
      times: of `times`.

    Returns:
      accuracy, macro_auc, lesion_auc (a lesion of any class against background), malignancy_auc
      (among the lesions); ll_score, ll_score_from_validation, pointing_game, energy_in_mask and
      pixel_ap over correctly classified lesions, ll_score_all over all; lesion_auc_intact,
      lesion_auc_covered and lesion_auc_elsewhere of the lesions of `items`, and what covering
      changes: covered_less_intact, elsewhere_less_intact and covered_less_elsewhere.
    """
    labels, told = test.labels, look.probabilities
    correct, lesion = told.argmax(1) == labels, labels != BACKGROUND
    suspicion = -told[:, BACKGROUND]  # without the 1, as in `metrics.classification`
    scored, of_lesions = correct[lesion], times[:, lesion]
    found = {
        "accuracy": bootstrap.mean(correct, times),
        "macro_auc": bootstrap.mean_auc(told, labels, times),
        "lesion_auc": bootstrap.auc(suspicion, lesion, times),
        "malignancy_auc": bootstrap.auc(
            metrics.malignancy(told[lesion]), metrics.MALIGNANT[labels[lesion]], of_lesions
        ),
        "ll_score_all": bootstrap.mean(look.figures["ll_score"], of_lesions),
    } | {
        name: bootstrap.mean(values[scored], of_lesions[:, scored])
        for name, values in look.figures.items()
    }
    beside = np.flatnonzero(~lesion)
    sides = np.arange(len(items) + len(beside)) < len(items)
    both = times[:, np.concatenate([items, beside])]
    for name, asked in (
        ("intact", told[items]), ("covered", look.covered), ("elsewhere", look.elsewhere),
    ):  # fmt: skip
        scores = np.concatenate([-asked[:, BACKGROUND], suspicion[beside]])
        found[f"lesion_auc_{name}"] = bootstrap.auc(scores, sides, both)
    for one, two in (("covered", "intact"), ("elsewhere", "intact"), ("covered", "elsewhere")):
        found[f"{one}_less_{two}"] = found[f"lesion_auc_{one}"] - found[f"lesion_auc_{two}"]
    return found


def blind(
    look: Look, of_blind: dict[str, dict[str, NDArray]], test: Patches, times: NDArray
) -> dict[str, dict]:
    """How far a run's maps are ahead of maps made without a model, on the lesions it gets right.

    Args:
      look, test, times: as of `drawn`.
      of_blind: by name, `asking.figures` of maps made without a model.

    Returns:
      By name, of each of OF_BLIND_MAPS {value, difference, ci95, verdict}: value is that of the
      blind maps, the rest of the run's less it.
    """
    lesion = test.labels != BACKGROUND
    scored = (look.probabilities.argmax(1) == test.labels)[lesion]
    among = times[:, lesion][:, scored]

    def beside(values: NDArray, name: str) -> dict:
        ahead = bootstrap.mean((look.figures[name] - values)[scored], among)
        return {"value": number(bootstrap.mean(values[scored], among)[0])} | difference(name, ahead)

    return {
        kind: {name: beside(figures[name], name) for name in OF_BLIND_MAPS}
        for kind, figures in of_blind.items()
    }


def figures(drawn: Drawn) -> dict[str, dict]:
    """Of each figure {value, ci95}."""
    return {
        name: {"value": number(of[0]), "ci95": bootstrap.interval(of[1:])}
        for name, of in drawn.items()
    }


def differences(asked: Sequence[Asked], drawn: Sequence[Drawn]) -> list[dict]:
    """Every two kinds of runs that differ in one option of BASES, with one of them at its base.

    Args:
      asked: of all runs, no two of them with the same options, see `require_different`.
      drawn: of `drawn`, in the same order.

    Returns:
      {pair: of `pair_of`, look_weight, option, against, seeds, figures} of runs by the shifted
      protocol, held against those that have `against`, the base, as their `option`, over the seeds
      that both have. The cut is compared without the localisation term. figures: of each
      {difference, ci95, verdict}, means over seeds.
    """
    by_kind: dict[tuple, dict[int, Drawn]] = {}
    first: dict[tuple, Config] = {}
    for (run, _), of in zip(asked, drawn, strict=True):
        kind = (_alike(run, BASES), tuple(getattr(run.config, option) for option in BASES))
        first.setdefault(kind, run.config)
        by_kind.setdefault(kind, {})[run.config.seed] = of
    rows = []
    for (rest, values), ones in by_kind.items():
        config = first[rest, values]
        if config.centred:
            continue
        for at, (option, base) in enumerate(BASES.items()):
            if values[at] == base or (option == "protocol" and config.look_weight):
                continue
            others = by_kind.get((rest, (*values[:at], base, *values[at + 1 :])), {})
            if seeds := sorted(ones.keys() & others.keys()):
                shared = [(ones[seed], others[seed]) for seed in seeds]
                rows.append(
                    {
                        "pair": pair_of(config), "look_weight": config.look_weight,
                        "option": option, "against": base, "seeds": seeds,
                        "figures": _between(shared),
                    }
                )  # fmt: skip
    return rows


def _between(shared: Sequence[tuple[Drawn, Drawn]]) -> dict[str, dict]:
    """Differences of pairs of runs, as means over the pairs."""
    return {
        name: difference(name, np.mean([one[name] - two[name] for one, two in shared], axis=0))
        for name in shared[0][0]
    }


def difference(name: str, drawn: NDArray) -> dict:
    """{difference, ci95, verdict} of a figure's difference [1 + samples]."""
    interval = bootstrap.interval_of_difference(drawn[1:])
    good = interval
    if interval and name in LESS_IS_BETTER:
        good = [-interval[1], -interval[0]]
    return {
        "difference": number(drawn[0]), "ci95": interval, "verdict": bootstrap.verdict(good),
    }  # fmt: skip


def kind_of(run: Finished) -> tuple:
    """What runs have in common that differ in cut, seed and weight of the term alone."""
    return _alike(run, ())


def _alike(run: Finished, but: Iterable[str]) -> tuple:
    """The options that do not go into _FREE or `but`, and the weights' content."""
    options = dataclasses.asdict(run.config)
    left_out = {*_FREE, *but}
    kept = sorted((name, value) for name, value in options.items() if name not in left_out)
    return (*kept, run.results["weights"]["sha256"])


def require_different(runs: Sequence[Finished]) -> None:
    """Checks that no run is there twice: which of them would stand for its seed?

    Raises:
      UserError: two runs have the same options and the same seed.
    """
    known: dict[tuple, Finished] = {}
    for run in runs:
        config = run.config
        same = (*kind_of(run), config.protocol, config.look_weight, config.seed)
        if same in known:
            raise UserError(
                f"--run {known[same].folder} {run.folder}: have the same options and seed; give "
                "one of them"
            )
        known[same] = run


def pair_of(config: Config) -> dict:
    """What a reader knows a kind of runs by."""
    names = ("backbone", "strategy", "head", "output_stride", "cam_method")
    return {name: getattr(config, name) for name in names}


def number(value: float) -> float | None:
    """A figure, None where it does not exist."""
    return None if np.isnan(value) else float(value)
