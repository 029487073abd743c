"""`looking` of audit.json as tables."""

from collections.abc import Mapping, Sequence

from jaxcbis.config import CAM_METHODS
from jaxcbis.designs import BACKBONES
from jaxcbis.evaluation.bootstrap import WITHIN_NOISE
from jaxcbis.report.tables import NONE, Table, number

#: Of every difference's figures, those that are told, and what they are called.
TOLD = {
    "accuracy": "accuracy",
    "macro_auc": "AUC",
    "lesion_auc": "lesion AUC",
    "malignancy_auc": "malignancy AUC",
    "ll_score": "LL",
    "ll_score_all": "LL, every lesion",
    "ll_score_from_validation": "LL, threshold from validation",
    "pointing_game": "pointing game",
    "energy_in_mask": "energy in mask",
    "pixel_ap": "pixel AP",
    "lesion_auc_covered": "lesion AUC, covered",
    "lesion_auc_elsewhere": "lesion AUC, covered elsewhere",
    "covered_less_elsewhere": "covered less elsewhere",
}
#: Heads of the columns of blind maps.
BLIND = {
    "all_ones": "all ones",
    "centred_gaussian": "centre",
    "mean_training_mask": "mean mask",
    "blurred_brightness": "brightness",
}


def of(looking: dict) -> list[Table]:
    """Answers, maps' figures, covering, blind maps, differences.

    Args:
      looking: of audit.json.
    """
    tables = [
        _answers(looking), _meeting(looking), _pointing(looking), _covering(looking),
        _blind(looking["blind"]), _against_blind(looking), _differences(looking["differences"]),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def model(of: dict) -> str:
    """A kind of runs in a few words: of grid and head what its backbone has a choice of."""
    choices = BACKBONES[of["backbone"]].choices
    parts = [f"{of['backbone']} {of['strategy']}"]
    if len(choices["output_stride"]) > 1:
        parts.append(f"stride {of['output_stride']}")
    if len(choices["head"]) > 1:
        parts.append(of["head"])
    if of["cam_method"] != "gradcam":
        parts.append(CAM_METHODS[of["cam_method"]])
    return ", ".join(parts)


def trained(row: dict) -> str:
    """How a run was trained, in a few words, and which it is where these fit another one, too."""
    how = f"weight {row['look_weight']:g}" if row["look_weight"] else "plain"
    if row["protocol"] == "clean":
        how = f"clean, {how}" if row["look_weight"] else "clean"
    return f"{how}, seed {row['seed']}" + (f", {row['run']}" if row["alike"] else "")


def compared(row: dict) -> str:
    """What a row of differences holds against what."""
    option, base, pair = row["option"], row["against"], row["pair"]
    if option == "protocol":
        return "trained on shifted, not on centred lesions"
    if option == "look_weight":
        return f"weight {row['look_weight']:g} against none"
    if option == "cam_method":
        said = f"{CAM_METHODS[pair[option]]} against {CAM_METHODS[base]}"
    else:
        said = f"{option.replace('_', ' ')} {pair[option]} against {base}"
    return said + (f", weight {row['look_weight']:g}" if row["look_weight"] else "")


def change(of: dict, digits: int = 3) -> str:
    """A difference, marked where it is beyond noise."""
    if of["difference"] is None:
        return NONE
    star = "*" if of["verdict"] not in (None, WITHIN_NOISE) else ""
    return f"{of['difference']:+.{digits}f}{star}"


def interval(of: dict) -> str:
    """A figure and its 95 % interval."""
    if of["ci95"] is None:
        return number(of["value"])
    return "{} ({:.2f}-{:.2f})".format(number(of["value"]), *of["ci95"])


def _by_model(looking: dict, cells: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A row per run, below a row for each model."""
    rows, last = [], ""
    for run, of_run in zip(looking["runs"], cells, strict=True):
        if (named := f"{model(run)}, {run['grid']} x {run['grid']}") != last:
            last = named
            rows.append((last, *[""] * len(of_run)))
        rows.append((f"  {trained(run)}", *of_run))
    return rows


def _answers(looking: dict) -> Table:
    n = looking["n"]
    return _figures(
        looking,
        "what the runs answer",
        {"accuracy": "accuracy", "lesion_auc": "lesion AUC", "malignancy_auc": "malignancy"},
        f"{n['test']} patches of {n['patients']} patients, {n['lesions']} of them lesions; "
        "intervals by bootstrap over patients. Lesion AUC: a lesion of any class against "
        "background. Malignancy: AUC of malignant against benign lesions. Clean: trained on "
        "centred lesions, asked on shifted ones, with its own normalisation.",
    )


def _meeting(looking: dict) -> Table:
    return _figures(
        looking,
        "how the maps meet the masks",
        {"ll_score": "LL", "ll_score_from_validation": "LL, val", "ll_score_all": "LL, all"},
        "Over lesions classified correctly, all: over every one. Threshold 0.5 of a map's maximum; "
        "val: the one that was best on validation.",
    )


def _pointing(looking: dict) -> Table:
    return _figures(
        looking,
        "where the maps point",
        {"pointing_game": "pointing", "energy_in_mask": "energy", "pixel_ap": "pixel AP"},
        "Over lesions classified correctly. Pointing: share of maps whose maximum lies in the "
        "mask. Energy: the mask's share of the map's sum. AP: average precision of the map's "
        "pixels.",
    )


def _figures(looking: dict, title: str, names: Mapping[str, str], caption: str) -> Table:
    """Figures of every run with their intervals; `names` says what each is called."""
    cells = [tuple(interval(run["figures"][name]) for name in names) for run in looking["runs"]]
    columns = ("model, trained", *(f"{name} (95 %)" for name in names.values()))
    return Table(f"Shifted test set: {title}", columns, _by_model(looking, cells), caption)


def _covering(looking: dict) -> Table:
    cells = []
    for run in looking["runs"]:
        figures = run["figures"]
        changed = (
            f"{number(figures[f'lesion_auc_{where}']['value'])}"
            f"{_signed(figures[f'{where}_less_intact'])}"
            for where in ("covered", "elsewhere")
        )
        cells.append((number(figures["lesion_auc_intact"]["value"]), *changed))
    return Table(
        "Does it use the lesion? Lesion AUC with the lesion covered",
        ("model, trained", "intact", "covered (change)", "elsewhere (change)"),
        _by_model(looking, cells),
        f"Of {looking['n']['covered']} lesions beside which there is as much room, against all "
        "backgrounds. Covered: filled in from its surroundings. Elsewhere: as much of the patch "
        "filled in beside it. Change: its 95 % interval.",
    )


def _blind(rows: Sequence[dict]) -> Table:
    cells = [
        (
            f"{BLIND.get(row['name'], row['name'])}, grid {row['grid']}",
            *(interval(of) for of in row["figures"].values()),
        )
        for row in rows
    ]
    return Table(
        "Blind maps",
        ("map", "LL (95 %)", "pointing (95 %)", "pixel AP (95 %)"),
        cells,
        "Over every test lesion. Mean mask: of the training lesions. Brightness: the patch itself, "
        "blurred.",
    )


def _against_blind(looking: dict) -> Table:
    names = list(dict.fromkeys(name for run in looking["runs"] for name in run["blind"]))
    cells = [
        tuple(
            f"{change(run['blind'][name]['ll_score'], 2)} "
            f"{change(run['blind'][name]['pointing_game'], 2)}"
            for name in names
        )
        for run in looking["runs"]
    ]
    return Table(
        "The runs' maps less blind maps",
        ("model, trained", *(BLIND.get(name, name) for name in names)),
        _by_model(looking, cells),
        "LL and pointing game, on the lesions that the run classifies correctly. * beyond noise.",
    )


def _differences(rows: Sequence[dict]) -> Table:
    cells = []
    for row in rows:
        cells.append((model(row["pair"]), "", "", ""))
        seeds = "1 seed" if len(row["seeds"]) == 1 else f"{len(row['seeds'])} seeds"
        cells.append((f" {compared(row)}, {seeds}", "", "", ""))
        for name, label in TOLD.items():
            of = row["figures"][name]
            ends = NONE if of["ci95"] is None else "{:+.3f} to {:+.3f}".format(*of["ci95"])
            cells.append((f"  {label}", change(of), ends, of["verdict"] or ""))
    return Table(
        "What one option changes",
        ("figure", "differs", "95 %", "verdict"),
        cells,
        "On the same test patches, a mean over the seeds that both have; intervals by paired "
        "bootstrap over patients, drawn once for all seeds. LL, pointing, energy and AP: each "
        "run's over the lesions that it classifies correctly. Of what is covered a lower "
        "AUC is better.",
    )


def _signed(change: dict) -> str:
    return "" if change["ci95"] is None else " ({:+.2f} to {:+.2f})".format(*change["ci95"])
