"""An audit as tables and in words."""

from collections.abc import Callable, Sequence

from jaxcbis.audit.looking import tables as looking_tables
from jaxcbis.audit.looking import words as looking_words
from jaxcbis.report import noise
from jaxcbis.report.blind import against_blind_maps
from jaxcbis.report.tables import NONE, Table, number

#: Maps that are as alike as this, by rank correlation, to those of a random model ignore it.
ALIKE = 0.5


def of(audit: dict) -> list[Table]:
    """Causes, runs on the shifted cut, trivial classifiers, faithfulness, randomisation.

    Args:
      audit: content of audit.json.

    Returns:
      Those that have a row.
    """
    looking, name = audit.get("looking"), names_of(audit)
    shown = [
        causes(audit["rows"]),
        *(looking_tables.of(looking) if looking else ()),
        baselines(audit["baselines"]),
        faithfulness(audit["faithfulness"], name),
        randomization(audit["randomization"], name),
    ]
    return [table for table in shown if table.rows]


def words(audit: dict) -> list[str]:
    """What the figures say, a sentence each.

    Args:
      audit: content of audit.json.
    """
    name = names_of(audit, " protocol")
    return [
        *on_causes(audit["rows"]),
        *(looking_words.of(looking) if (looking := audit.get("looking")) else ()),
        *on_baselines(audit),
        *on_faithfulness(audit["faithfulness"], name),
        *on_randomization(audit["randomization"], name),
        *on_localization(audit.get("localization") or (), name),
        *on_what_is_left(audit),
    ]


def causes(rows: Sequence[dict]) -> Table:
    """What each cause is worth, model by model; `rows` of audit.json."""
    cells, model = [], None
    for row in rows:
        if model != model_of(row):
            model = model_of(row)
            cells.append((model, *[""] * 5))
        change = row.get("changes", {}).get("accuracy")
        ll_change = row.get("changes", {}).get("ll_score")
        cells.append(
            (
                f"  {row['cause']}",
                str(row["n"]),
                _interval(row["accuracy"], row["accuracy_ci95"]),
                _change(change),
                number(row["auc_mean"]),
                f"{number(row['ll_score'])}{_mark(ll_change)}",
            )
        )
    return Table(
        "From the paper's protocol to the clean one, one cause at a time",
        ("model, cause removed", "n", "accuracy (95 %)", "change", "AUC", "LL"),
        cells,
        "One trained model up to 'trained clean', which is another. AUC: of probabilities. LL: "
        "over correct lesions, from 'correct-only LL' on over all. * beyond noise: the "
        "95 % interval of the change, by bootstrap over patients, leaves out 0.",
    )


def baselines(rows: Sequence[dict]) -> Table:
    """Classifiers that see no lesion; `baselines` of audit.json."""
    cells = [
        (
            f"{row['name']}, {row['protocol']}",
            _interval(row["accuracy"], row["accuracy_ci95"]),
            _interval(row["auc_mean"], row["auc_mean_ci95"]),
        )
        for row in rows
    ]
    return Table(
        "Classifiers that see no lesion",
        ("figures of the crop, protocol", "accuracy (95 %)", "AUC (95 %)"),
        cells,
        "Logistic regression. Intensity: mean and deviation of the crop's pixels; size: its width "
        "and height in the mammogram.",
    )


def faithfulness(rows: Sequence[dict], name: Callable[[dict], str]) -> Table:
    """Deletion and insertion; `faithfulness` of audit.json, and what a run is called."""
    cells = [
        (
            name(row) if kind == "deletion" else "",
            kind,
            *(number(row[kind][of]["mean"], 3) for of in ("maps", "random", "centred_gaussian")),
            _change(row[kind]["maps_less_random"]),
        )
        for row in rows
        for kind in ("deletion", "insertion")
    ]
    return Table(
        "Faithfulness: the predicted class's probability as pixels go or come",
        ("model", "curve", "maps", "random", "centre", "maps - random"),
        cells,
        "Areas under the curves. Deletion: the lower the better; insertion: the higher the better.",
    )


def randomization(rows: Sequence[dict], name: Callable[[dict], str]) -> Table:
    """Stage by stage; `randomization` of audit.json, and what a run is called."""
    cells = [
        (
            name(row) if not k else "",
            stage["stage"],
            _interval(stage["mean"], stage["ci95"]),
            str(stage["constant_maps"]),
        )
        for row in rows
        for k, stage in enumerate(row["stages"])
    ]
    return Table(
        "Cascading randomisation: similarity to the trained model's maps",
        ("model", "random from the head to", "rank correlation (95 %)", "constant"),
        cells,
        "Spearman's, a mean over maps. Constant: maps without an order, left out.",
    )


def on_causes(rows: Sequence[dict]) -> list[str]:
    """Causes that change an accuracy beyond noise."""
    lines = []
    for row in rows:
        of = row.get("changes", {}).get("accuracy")
        if of and of["difference"] and noise.of_difference(of["ci95"]) == noise.BEYOND:
            lines.append(
                f"{model_of(row)}: {row['cause']} changes the accuracy by {of['difference']:+.3f} "
                f"({of['ci95'][0]:+.3f} to {of['ci95'][1]:+.3f})."
            )
    if rows and not lines:
        lines.append("No single cause changes an accuracy beyond noise.")
    return lines


def on_baselines(audit: dict) -> list[str]:
    """Whether models are ahead of classifiers that see no lesion."""
    lines = []
    models = [
        row for row in audit["rows"] if row["cause"] in ("label normalisation", "trained clean")
    ]
    for row in models:
        protocol = "clean" if row["cause"] == "trained clean" else "paper"
        near = [
            f"{of['name']} ({of['accuracy']:.2f})"
            for of in audit["baselines"]
            if of["protocol"] == protocol and reaches(of["accuracy_ci95"], row["accuracy_ci95"])
        ]
        where = f"{model_of(row)}, cut by the {protocol} protocol, one normalisation"
        lines.append(
            f"{where}: its accuracy of {row['accuracy']:.2f} is within reach of classifiers that "
            f"see no lesion: {', '.join(near)}. It proves little."
            if near
            else f"{where}: no classifier that sees no lesion comes near its accuracy of "
            f"{row['accuracy']:.2f}."
        )
    return lines


def on_faithfulness(rows: Sequence[dict], name: Callable[[dict], str]) -> list[str]:
    """Whether maps order pixels better than chance."""
    lines = []
    for row in rows:
        better = {
            "deletion": beyond_zero(row["deletion"]["maps_less_random"]["ci95"], -1),
            "insertion": beyond_zero(row["insertion"]["maps_less_random"]["ci95"], 1),
        }
        told = [f"{kind}: {'yes' if yes else 'no'}" for kind, yes in better.items()]
        lines.append(f"{name(row)}: maps order pixels better than chance by {', by '.join(told)}.")
    return lines


def on_randomization(rows: Sequence[dict], name: Callable[[dict], str]) -> list[str]:
    """Whether maps depend on what was learnt."""
    lines = []
    for row in rows:
        last = row["stages"][-1]
        if last["mean"] is None:
            lines.append(f"{name(row)}: the maps of the random model are constant.")
        elif last["mean"] > ALIKE:
            lines.append(
                f"{name(row)}: FAILS the randomisation test: with every parameter random its maps "
                f"still correlate with the trained model's by {last['mean']:.2f}; they show the "
                "architecture and the image more than what was learnt."
            )
        else:
            lines.append(
                f"{name(row)}: passes the randomisation test (rank correlation {last['mean']:.2f} "
                "with every parameter random)."
            )
    return lines


def on_localization(rows: Sequence[dict], name: Callable[[dict], str]) -> list[str]:
    """Whether maps meet the masks better than blind maps."""
    return [
        f"{name(row)}: on its own test patches its maps meet the masks {said}."
        for row in rows
        if row["protocol"] != "shifted" and (said := against_blind_maps(row))
    ]


def on_what_is_left(audit: dict) -> list[str]:
    """How far an audit came that was ended, if it was."""
    done, runs = len(audit["faithfulness"]), len(audit.get("runs", ()))
    if done >= runs:
        return []
    return [
        f"Whether maps are faithful was asked of {done} of {runs} runs; the audit was ended before "
        "the others."
    ]


def reaches(trivial: list[float] | None, model: list[float] | None) -> bool:
    """Whether the top of a trivial classifier's interval reaches the bottom of a model's."""
    return bool(trivial and model and trivial[1] >= model[0])


def beyond_zero(interval: list[float] | None, sign: int) -> bool:
    return interval is not None and all(sign * end > 0 for end in interval)


def model_of(row: dict) -> str:
    """Backbone and strategy of a row."""
    return f"{row['backbone']} {row['strategy']}"


def names_of(audit: dict, behind: str = "") -> Callable[[dict], str]:
    """What a run is called: as on the shifted cut, or by model and protocol, a word behind them.

    Its folder's name, where others have the same.
    """
    looked = (audit.get("looking") or {"runs": []})["runs"]
    known = {run["run"]: looking_words.name(run) for run in looked if not run["alike"]}
    rows = audit.get("localization") or audit["faithfulness"]
    kinds = [(model_of(row), row["protocol"]) for row in rows]

    def name(row: dict) -> str:
        kind = model_of(row), row["protocol"]
        alone = f"{', '.join(kind)}{behind}" if kinds.count(kind) < 2 else row["run"]
        return known.get(row["run"], alone)

    return name


def _interval(value: float | None, interval: list[float] | None) -> str:
    if interval is None:
        return number(value)
    return f"{number(value)} ({interval[0]:.2f} to {interval[1]:.2f})"


def _change(of: dict | None) -> str:
    if of is None:
        return ""
    value = of.get("difference", of.get("mean"))
    return NONE if value is None else f"{value:+.3f}{_mark(of)}"


def _mark(of: dict | None) -> str:
    return "*" if of and noise.of_difference(of["ci95"]) == noise.BEYOND else ""
