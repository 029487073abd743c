"""The tables of a mammogram run, for a page and for a terminal of 80 columns."""

from jaxcbis.detection.froc import RATES
from jaxcbis.mammograms.page.answer import (
    BASELINES,
    BLIND,
    LEVELS,
    POINTS,
    blind,
    held_against,
    level,
    signed,
)
from jaxcbis.report.tables import NONE, Table, mark, number, with_interval

_VIEWS = {1: "single", 2: "two"}
_TIMES = {
    "prepare_s": "data",
    "train_s": "training",
    "evaluate_s": "test",
    "sweep_s": "sweep of the patch run",
    "compile_s": "compiling, within the above",
}
_MEMORY = {"step_mb": "a training step, all layers", "top_step_mb": "a training step, top alone"}


def of(results: dict) -> list[Table]:
    """All tables of a run that it has figures for, in the order in which they are read.

    Args:
      results: content of results.json.
    """
    found = [
        levels(results), baselines(results), literature(results), operating_points(results),
        localization(results), members(results), splits(results), costs(results),
    ]  # fmt: skip
    return [table for table in found if table]


def levels(results: dict) -> Table | None:
    """AUC per view, breast and patient; with flips averaged, and on the official test, if known."""
    tested = [name for name in LEVELS if level(results, name)]
    if not tested:
        return None
    columns = {"AUC": "test", "with flips": "test_flips", "official test": "test_official"}
    known = {name: key for name, key in columns.items() if results.get(key)}
    rows = [
        (
            name,
            "{positives} of {n}".format(**level(results, name)),
            *(_auc((results[key] or {}).get(name)) for key in known.values()),
        )
        for name in tested
    ]
    caption = "Breast: the mean of its views (CC and MLO). Patient: the higher of the breasts."
    if "official test" in known:
        caption += " Official test: with the patients that are in the training set, too."
    if any(level(results, name)["auc_ci95"] is None for name in tested):
        caption += " An AUC without an interval: no resampling changes it."
    return Table(f"By level, 95 % intervals{mark(results)}", ("", "malignant", *known), rows,
                 caption)  # fmt: skip


def operating_points(results: dict) -> Table | None:
    """Sensitivity and specificity at the thresholds that were chosen on the validation split."""
    rows = [
        (
            f"{name}: {POINTS.get(point['name'], point['name'])}",
            number(point["threshold"]),
            *(
                with_interval(point[key], point.get(f"{key}_ci95"))
                for key in ("sensitivity", "specificity")
            ),
        )
        for name in LEVELS
        for point in level(results, name).get("operating_points") or []
    ]
    if not rows:
        return None
    columns = ("level", "from", "sensitivity", "specificity")
    caption = (
        "From: the probability from which on something is called malignant, chosen on the "
        "validation split."
    )
    return Table(f"Operating points{mark(results)}", columns, rows, caption)


def baselines(results: dict) -> Table | None:
    """The run beside what it is held against, view by view, with paired differences."""
    found = held_against(results)
    if not found:
        return None
    rows = [("this run", _auc(level(results, "view")), NONE, NONE)]
    rows += [
        (BASELINES[key], _auc(each), signed(each), each.get("verdict") or NONE)
        for key, each in found.items()
    ]
    return Table(
        f"Beside baselines, AUC per view{mark(results)}",
        ("", "AUC", "this run less it", "this run is"),
        rows,
        "Differences are paired, on the same test views; 95 % intervals."
        + " The sweep's score is its highest window." * ("sweep_maximum" in found)
        + " Area and intensity need no model.",
    )


def literature(results: dict) -> Table | None:
    """What others report, which was measured elsewhere."""
    found = results.get("literature")
    if not found:
        return None
    rows: list[tuple[str, ...]] = [
        (f"{row['name']} ({row['year']})", f"{row['auc']:g}", row["split"], _VIEWS[row["views"]])
        for row in found
    ]
    sources: dict[str, str] = {}
    for row in found:
        sources.setdefault(row["source"], row["name"].split(",")[0])
    told = "; ".join(f"{name}: {source}" for source, name in sources.items())
    return Table(
        "Measured elsewhere: on another split, or with two views",
        ("study", "AUC", "split", "views"),
        rows,
        "As printed. Other views, other preparation, mostly another split: not comparable with "
        f"this run, nor with each other. {told}.",
    )


def localization(results: dict) -> Table | None:
    """Where the map peaks, and lesions found by false positives per view; beside the sweep."""
    found = results.get("localization") or {}
    lesions = (found.get("froc") or {}).get("lesions")
    if found.get("pointing_game") is None and not lesions:
        return None
    sweep = found.get("sweep") or {}
    rows = [
        ("pointing game", _pointing(found), _pointing(sweep)),
        *(
            (name, number(blind(found, key)), NONE)
            for key, name in BLIND.items()
        ),
        ("best on its grid", number(found.get("grid_ceiling")), NONE),
        *(
            (f"found at {rate:g} false positives",
             *(_sensitivity(of.get("froc") or {}, rate) for of in (found, sweep)))
            for rate in RATES
        ),
    ]  # fmt: skip
    counted = ""
    if lesions is not None:
        counted = f" Found: share of {lesions} malignant lesions, by false positives per view."
    columns = ("", "map", "patch run's sweep")
    keep = 3 if sweep else 2
    return Table(
        f"Where it looks{mark(results)}",
        columns[:keep],
        [row[:keep] for row in rows],
        f"Over {found.get('n', 0)} malignant test views with masks; 95 % intervals. Best on its "
        f"grid: what a map as coarse reaches that knows the lesions.{counted}",
    )


def members(results: dict) -> Table | None:
    """Each member alone, and their mean; None of one member."""
    found = results.get("members") or []
    if len(found) < 2:
        return None
    rows = [
        (str(each["run"]), *(_auc((each.get("test") or {}).get(name)) for name in LEVELS))
        for each in found
    ]
    rows.append(("mean of all", *(_auc(level(results, name)) for name in LEVELS)))
    return Table(f"Members, AUC{mark(results)}", ("patch run", *LEVELS), rows,
                 "The mean is of the members' probabilities.")  # fmt: skip


def patch_runs(results: dict) -> Table | None:
    """The runs that it grew from."""
    found = results.get("patch_runs")
    if not found:
        return None
    columns = {
        "backbone": "backbone", "strategy": "strategy", "protocol": "protocol", "seed": "seed",
        "image_size": "pixels", "test_malignancy_auc": "malignancy AUC",
    }  # fmt: skip
    rows = [
        (str(run["folder"]), *(_cell(run.get(key)) for key in columns)) for run in found
    ]  # fmt: skip
    return Table("Patch runs", ("folder", *columns.values()), rows)


def splits(results: dict) -> Table | None:
    """Views, malignant ones and patients in each split."""
    found = (results.get("data") or {}).get("splits")
    if not found:
        return None
    found = {name: of for name, of in found.items() if of["total"]}
    rows = [
        (name, *(number(of.get(key)) for of in found.values()))
        for key, name in (("total", "views"), ("malignant", "malignant"), ("patients", "patients"))
    ]
    return Table("Views and patients per split", ("", *found), rows)


def costs(results: dict) -> Table | None:
    """How long each part took, and the memory that it needed."""
    times, memory = results.get("timing") or {}, results.get("memory") or {}
    rows = [
        (name, f"{times[key]:.1f} s") for key, name in _TIMES.items() if times.get(key) is not None
    ]
    if (rate := times.get("train_images_per_s")) is not None:
        rows.append(("training, views per second", f"{rate:.2f}"))
    rows += [
        (name, f"{memory[key]:.0f} MiB")
        for key, name in _MEMORY.items()
        if memory.get(key) is not None
    ]
    if (peak := times.get("peak_memory_mb")) is not None:
        rows.append(("peak memory", f"{peak:.0f} MiB"))
    return Table("Time and memory", ("part of the run", "this run"), rows) if rows else None


def _auc(found: dict | None) -> str:
    return with_interval(found.get("auc"), found.get("auc_ci95")) if found else NONE


def _pointing(found: dict) -> str:
    return with_interval(found.get("pointing_game"), found.get("pointing_game_ci95"))


def _sensitivity(curve: dict, rate: float) -> str:
    of, intervals = (curve.get(key) or {} for key in ("sensitivity_at", "sensitivity_at_ci95"))
    return with_interval(of.get(str(rate)), intervals.get(str(rate)))


def _cell(value: str | float | None) -> str:
    return value if isinstance(value, str) else number(value)
