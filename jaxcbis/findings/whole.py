"""What mammogram runs say, beside the patch runs' sweep and other starts, in Markdown."""

from collections.abc import Iterator, Sequence

from jaxcbis.detection.froc import RATES
from jaxcbis.evaluation.bootstrap import BETTER, WITHIN_NOISE, WORSE
from jaxcbis.mammograms.figures import baselines, levels, literature
from jaxcbis.mammograms.page.answer import BLIND, LEVELS, POINTS, signed
from jaxcbis.mammograms.page.tables import literature as literature_table
from jaxcbis.report import formats
from jaxcbis.report.tables import NONE, Table, number, with_interval

TITLE = "Is a classifier of whole mammograms better than a sweep?"
#: Height of a view in the literature, in pixels.
FULL_HEIGHT = 1152
_SWEEP, _IMAGENET = baselines.SWEEP_MAXIMUM, "imagenet"
_STARTS = {
    "patch": "the patch run", _IMAGENET: "ImageNet", "random": "random weights",
}  # fmt: skip
#: What a start is held against, as it is named in a sentence.
_OTHERS = {
    _SWEEP: "the patch run's sweep",
    baselines.BREAST_AREA: "the breast's area",
    baselines.MEAN_INTENSITY: "its mean intensity",
    baselines.CHANCE: "chance",
} | {start: f"a start from {name}" for start, name in _STARTS.items()}
_STAND = {BETTER: "above", WORSE: "below", WITHIN_NOISE: "not shown to differ from"}
#: Of other figures of the test split, how they are told.
_ALSO = {
    "test_flips": "per view, flips averaged", "test_official": "per view, official test",
}  # fmt: skip
_KINDS = {"Mass": "masses", "Calc": "calcifications"}


def text(found: dict) -> str:
    """The document, in Markdown.

    Args:
      found: of `gathering.gather`.
    """
    runs = found["runs"]
    table = literature_table({"literature": literature.beside(found["data"]["name"])})
    parts = [
        f"# {TITLE}",
        "\n".join(f"{k}. {line}" for k, line in enumerate(answer(found), 1)),
        "[Whole mammograms](mammograms.md) says how such a classifier is made, and what each "
        "figure means.",
        "## The runs that were asked",
        "\n".join(_recipe(found)),
        "```sh\n" + "\n".join(run["command"] for run in runs) + "\n```",
        "`jaxcbis findings docs` makes this page from `docs/results/mammograms.json`, and "
        "`python docs/making/mammograms.py DIR..` that file from the folders of the runs.",
        "## What these runs cannot tell",
        "\n".join(f"- {line}" for line in _limits(found)),
        *(formats.markdown(of) for of in tables(found)),
        formats.markdown(table) if table else "",
        "## Notes of the runs",
        "Each run says this of itself, without the others.",
        "\n".join(f"- {line}" for line in dict.fromkeys(n for run in runs for n in run["notes"])),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def answer(found: dict) -> list[str]:
    """A sentence or two each: the verdict, the figures, what needs no model, where it looks.

    Args:
      found: of `gathering.gather`.
    """
    start = found["runs"][0]["start"] if not _of(found, "patch") else "patch"
    lines = [_verdict(found, start), _figures(found, start)]
    lines += [_beside(found, start, key) for key in (_SWEEP, _IMAGENET) if _row(found, start, key)]
    return [*lines, _on_measures(found, start), *_on_maps(_of(found, start))]


def _of(found: dict, start: str) -> list[dict]:
    return [run for run in found["runs"] if run["start"] == start]


def _row(found: dict, start: str, against: str) -> dict | None:
    """How a start stands to something, over all seeds: the first of its rows."""
    rows = (r for r in found["differences"] if (r["start"], r["against"]) == (start, against))
    return next(rows, None)


def _verdict(found: dict, start: str) -> str:
    """Whether a start is above both of what it is there to beat."""
    rivals = [key for key in (_SWEEP, _IMAGENET) if key != start]
    rows = {key: _row(found, start, key) for key in rivals}
    said = [_stands(row, _OTHERS[key]) for key, row in rows.items()]
    above = [row is not None and row["verdict"] == BETTER for row in rows.values()]
    below = any(row is not None and row["verdict"] == WORSE for row in rows.values())
    short = "Yes" if all(above) else "In part" if above[0] else "No" if below else "Not shown"
    if rows[_SWEEP] is None:
        short = "Not known"
    return f"**{short}.** The whole-image classifier is {', and '.join(said)}, in AUC per view."


def _stands(row: dict | None, name: str) -> str:
    """How it stands to something in a few words: 'above a start from ImageNet'."""
    if row is None:
        return f"not held against {name}"
    if row["verdict"] is None:
        return f"without a verdict against {name}"
    return f"{_STAND[row['verdict']]} {name}"


def _figures(found: dict, start: str) -> str:
    runs = _of(found, start)
    told = "; ".join(
        f"{name}, {' and '.join(_auc(run['test'][level]) for run in runs)}"
        for level, name in LEVELS.items()
    )
    return f"Started from {_STARTS[start]} ({_seeds(runs)}), its AUC is: {told}."


def _auc(figures: dict) -> str:
    return _with_words(figures["auc"], figures["auc_ci95"])


def _with_words(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "unknown"
    return number(value) + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")


def _seeds(runs: Sequence[dict]) -> str:
    seeds = [str(run["seed"]) for run in runs]
    return f"seed{'s' * (len(seeds) > 1)} {' and '.join(seeds)}"


def _beside(found: dict, start: str, against: str) -> str:
    row = _row(found, start, against)
    assert row is not None
    whose = "The highest window of the sweep" if against == _SWEEP else "The start from ImageNet"
    seeds = ", ".join(map(str, row["seeds"]))
    return (
        f"{whose} has an AUC of {_with_words(row['other_auc'], row['other_auc_ci95'])}: the "
        f"classifier is {_stands(row, 'it')}, difference {signed(row)} over {row['n']} views "
        f"(seed{'s' * (len(row['seeds']) > 1)} {seeds})."
    )


def _on_measures(found: dict, start: str) -> str:
    keys = (baselines.BREAST_AREA, baselines.MEAN_INTENSITY, baselines.CHANCE)
    rows = {key: row for key in keys if (row := _row(found, start, key))}
    told = [
        f"{_stands(row, _OTHERS[key])} ({number(row['other_auc'])}, difference {signed(row)})"
        for key, row in rows.items()
    ]
    return f"Without any model: it is {'; '.join(told)}."


def _on_maps(runs: Sequence[dict]) -> Iterator[str]:
    for run in runs:
        maps = run["localization"]
        if not maps or maps["pointing_game"] is None:
            continue
        blind = "; ".join(
            f"{_than(maps['over_blind'][key])} {name} ({number(maps['blind'][key])})"
            for key, name in BLIND.items()
        )
        sweep = maps.get("sweep") or {}
        beside = ""
        if sweep.get("pointing_game") is not None:
            beside = (
                f"; {_than(sweep)} the sweep's highest window ({number(sweep['pointing_game'])}, "
                f"difference {signed(sweep)})"
            )
        yield (
            f"The map of seed {run['seed']} peaks in a malignant lesion in "
            f"{_with_words(maps['pointing_game'], maps['pointing_game_ci95'])} of {maps['n']} "
            f"malignant views: {blind}{beside}."
        )


def _than(found: dict) -> str:
    words = {BETTER: "more often than", WORSE: "less often than"}
    words[WITHIN_NOISE] = _STAND[WITHIN_NOISE]
    return words.get(found["verdict"], "without a verdict against")


def _recipe(found: dict) -> Iterator[str]:
    data, runs = found["data"], found["runs"]
    config, splits = runs[0]["config"], data["splits"]
    counts = ", ".join(
        f"{splits[name]['total']} of {splits[name]['patients']} patients to {word}"
        for name, word in (("train", "train"), ("validation", "validate"), ("test", "test"))
    )
    malignant = splits["test"]["malignant"]
    yield (
        f"Views of {config['height']} x {config['width']} pixels: {counts}, {malignant} of these "
        "malignant. The split is the official one, with no patient on two sides."
    )
    models = {_patch_network(patch): None for run in runs for patch in run["patch_runs"]}
    yield (
        f"Patch network: {'; '.join(models)}. A start from ImageNet has its architecture and not "
        "its weights."
    )


def _patch_network(patch: dict) -> str:
    size = f"patches of {patch['image_size']} pixels"
    if patch["lesion_side"] is not None:
        size += f", from crops of {patch['lesion_side']:.0f} on the mammograms"
    return f"{patch['backbone']}, {patch['protocol']} protocol, {size}"


def _limits(found: dict) -> Iterator[str]:
    runs, splits = found["runs"], found["data"]["splits"]
    config = runs[0]["config"]
    absent = [name for kind, name in _KINDS.items() if kind not in found["kinds"]]
    if len(absent) == 1:
        yield f"The views hold no {absent[0]}; nothing is said of these."
    yield (
        "Every view has a lesion that somebody marked. It is told whether one is malignant, not "
        "whether there is one, as in screening."
    )
    if config["height"] < FULL_HEIGHT:
        yield (
            f"They have {config['height']} x {config['width']} pixels, and the literature's "
            f"{FULL_HEIGHT} x 896. The full release was not at hand, so no run at that size was "
            "made; [Benchmarks](benchmarks.md) has what one takes."
        )
    yield "No figure of the literature can be checked with them: its views and splits are others."
    wide = [of["auc_ci95"] for run in runs if (of := run["test"][levels.VIEW])["auc_ci95"]]
    if wide:
        half = max(high - low for low, high in wide) / 2
        yield (
            f"With {splits['test']['patients']} test patients an AUC is known to about "
            f"{half:.2f} in each direction."
        )
    seeds = max(len(_of(found, start)) for start in _STARTS)
    behind = "One seed stands" if seeds == 1 else f"At most {seeds} seeds stand"
    yield (f"{behind} behind a figure. Intervals are of the test patients, not of other trainings.")
    ended = [run for run in runs if run["best"]["epoch"] == run["config"]["epochs"]]
    if ended:
        yield (
            f"Of {len(runs)} run{'s' * (len(runs) > 1)}, {len(ended)} had the lowest validation "
            "loss in the last epoch allowed. More epochs may help."
        )


def tables(found: dict) -> list[Table]:
    """AUC by run, differences, operating points, localisation, costs.

    Args:
      found: of `gathering.gather`.
    """
    runs = found["runs"]
    return [_by_run(runs), _beside_all(found), _points(runs), _localization(runs), _costs(runs)]


def _name(run: dict) -> str:
    return f"{_STARTS[run['start']]}, seed {run['seed']}"


def _by_run(runs: Sequence[dict]) -> Table:
    more = {key: name for key, name in _ALSO.items() if any(run[key] for run in runs)}
    rows = [
        (
            _name(run),
            *(_cell(run["test"][level]) for level in LEVELS),
            *(_cell((run[key] or {}).get(levels.VIEW)) for key in more),
        )
        for run in runs
    ]
    test = runs[0]["test"]
    counts = ", ".join("{positives} of {n} {0}s".format(level, **test[level]) for level in LEVELS)
    return Table(
        "AUC by run",
        ("start", *LEVELS.values(), *more.values()),
        rows,
        f"95 % intervals, by patient. Malignant are {counts}. A breast has the mean of its views, "
        "a patient the higher of the breasts.",
    )


def _cell(figures: dict | None) -> str:
    return with_interval(figures["auc"], figures["auc_ci95"]) if figures else NONE


def _beside_all(found: dict) -> Table:
    rows = [
        (
            f"{_STARTS[row['start']]}, {', '.join(map(str, row['seeds']))}",
            _OTHERS[row["against"]],
            str(row["n"]),
            with_interval(row["auc"], row["auc_ci95"]),
            with_interval(row["other_auc"], row["other_auc_ci95"]),
            signed(row),
            row["verdict"] or NONE,
        )
        for row in found["differences"]
    ]
    return Table(
        "Paired differences, AUC per view",
        ("start, seeds", "against", "views", "AUC", "the other's", "difference", "the start is"),
        rows,
        "Several seeds: the mean of their AUCs. The interval is a paired bootstrap over patients, "
        "in which all see the same samples.",
    )


def _points(runs: Sequence[dict]) -> Table:
    rows = [
        (
            f"{_name(run)}: {POINTS[point['name']]}",
            number(point["threshold"]),
            *(with_interval(point[k], point[f"{k}_ci95"]) for k in ("sensitivity", "specificity")),
        )
        for run in runs
        for point in run["test"][levels.VIEW]["operating_points"]
    ]
    return Table(
        "Operating points, per view",
        ("start", "from", "sensitivity", "specificity"),
        rows,
        "Thresholds are chosen on the validation split.",
    )


def _localization(runs: Sequence[dict]) -> Table:
    shown = [(_name(run), run["localization"]) for run in runs if run["localization"]]
    swept = [
        (f"sweep of the patch run, seed {run['seed']}", run["localization"]["sweep"])
        for run in runs
        if run["start"] == "patch" and (run["localization"] or {}).get("sweep")
    ]
    rows = [
        (
            name,
            with_interval(maps["pointing_game"], maps["pointing_game_ci95"]),
            *(number(maps["blind"][key]) for key in BLIND),
            number(maps.get("grid_ceiling")),
            *(number((maps["froc"]["sensitivity_at"] or {}).get(str(rate))) for rate in RATES),
        )
        for name, maps in (*shown, *swept)
    ]
    return Table(
        "Where it looks",
        ("", "pointing game", *BLIND.values(), "best on its grid", *(f"{r:g}" for r in RATES)),
        rows,
        "Pointing game: over malignant views. Best on its grid: what a map as coarse reaches that "
        "knows the lesions. Numbers at the right: share of malignant lesions found at so many "
        "false positives per view.",
    )


def _costs(runs: Sequence[dict]) -> Table:
    rows = [
        (
            _name(run),
            ", ".join(f"{count} ({phase})" for phase, count in run["epochs"].items()),
            _minutes(run["timing"].get("train_s")),
            _minutes(run["timing"].get("sweep_s")) if (run["localization"] or {}).get("sweep")
            else NONE,
            number((run["memory"] or {}).get("step_mb"), 0),
            number(run["timing"].get("peak_memory_mb"), 0),
        )
        for run in runs
    ]  # fmt: skip
    machine = runs[0]["environment"]
    cores = f", {machine['host_cores']} cores" if machine["backend"] == "cpu" else ""
    return Table(
        "What it took",
        ("", "epochs", "training, minutes", "sweep, minutes", "MiB of a step", "MiB at its peak"),
        rows,
        f"On {machine['device']}{cores}, with other work beside it. MiB of a step are reckoned "
        "before the run.",
    )


def _minutes(seconds: float | None) -> str:
    return number(None if seconds is None else seconds / 60, 0)
