"""The four questions of an audit, each with its answer in front of what it rests on."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from jaxcbis.audit import tables
from jaxcbis.audit.looking import tables as looking_tables
from jaxcbis.audit.looking import words as looking_words
from jaxcbis.evaluation.bootstrap import BETTER
from jaxcbis.report import noise
from jaxcbis.report.tables import Table, number

#: The row of `rows` that has the figures by the paper's protocol, before any cause is removed.
_PAPER = "paper"
#: What a classifier that sees no lesion goes by, where its name does not say it.
_SEES = {"both": "intensity and size"}


class Question(NamedTuple):
    """A question to an audit.

    Attributes:
      name: in one word.
      question: in one sentence.
      answer: in one or two.
      words: a sentence for each run or cause.
      tables: with all figures.
    """

    name: str
    question: str
    answer: str
    words: list[str]
    tables: list[Table]


def of(audit: dict) -> list[Question]:
    """The questions in the order in which they are asked.

    Args:
      audit: content of audit.json.
    """
    looking = audit.get("looking")
    name, long_name = tables.names_of(audit), tables.names_of(audit, " protocol")
    rows, faithful, random = audit["rows"], audit["faithfulness"], audit["randomization"]
    met = tables.on_localization(audit.get("localization") or (), long_name)
    asked = [
        Question(
            "looking",
            "Do the models look at the lesion?",
            _on_looking(looking),
            [*(looking_words.of(looking) if looking else ()), *met],
            looking_tables.of(looking) if looking else [],
        ),
        Question(
            "protocol",
            "What is each flattering choice of the paper's protocol worth?",
            _on_choices(rows),
            tables.on_causes(rows),
            [_worth(rows), tables.causes(rows)],
        ),
        Question(
            "baselines",
            "Do classifiers that see no lesion reach as much?",
            _on_baselines(audit),
            tables.on_baselines(audit),
            [tables.baselines(audit["baselines"])],
        ),
        Question(
            "maps",
            "Do the maps show what the models have learnt?",
            _on_maps(faithful, random),
            [
                *tables.on_faithfulness(faithful, long_name),
                *tables.on_randomization(random, long_name),
            ],
            [tables.faithfulness(faithful, name), tables.randomization(random, name)],
        ),
    ]
    return [each._replace(tables=[table for table in each.tables if table.rows]) for each in asked]


def _on_looking(looking: dict | None) -> str:
    if not looking:
        return "Not asked: this needs runs by the shifted protocol."
    runs = looking["runs"]
    known = [run for run in runs if run["figures"]["lesion_auc_covered"]["value"] is not None]
    said = []
    if known:
        uses = _share(known, lambda run: looking_words.use(run) == looking_words.USES)
        said.append(
            f"{uses} use the lesion: covering it lowers their AUC of lesion against background "
            "more than covering as much elsewhere does."
        )
    meet, point = (
        _share(runs, partial(_ahead, figure=figure)) for figure in ("ll_score", "pointing_game")
    )
    said.append(
        f"The maps of {meet} meet the masks better than every blind map, and those of {point} "
        "point at the lesion better."
    )
    return " ".join(said)


def _ahead(run: dict, figure: str) -> bool:
    """Whether a run's maps are beyond noise ahead of the best blind map."""
    kind = looking_words.strongest(run, figure)
    return kind is not None and run["blind"][kind][figure]["verdict"] == BETTER


def _changes(rows: Sequence[dict]) -> dict[str, list[dict]]:
    """By cause, how it changes the accuracy of each model."""
    found: dict[str, list[dict]] = {}
    for row in rows:
        change = row.get("changes", {}).get("accuracy")
        if row["cause"] != _PAPER and change and change["difference"] is not None:
            found.setdefault(row["cause"], []).append(change)
    return found


def _beyond(changes: Sequence[dict]) -> int:
    return sum(noise.of_difference(of["ci95"]) == noise.BEYOND for of in changes)


def _span(changes: Sequence[dict]) -> str:
    values = [of["difference"] for of in changes]
    low, high = min(values), max(values)
    return f"{low:+.3f}" if low == high else f"{low:+.3f} to {high:+.3f}"


def _on_choices(rows: Sequence[dict]) -> str:
    if not rows:
        return "Not asked: this needs runs by the paper protocol."
    told = [
        f"{cause} ({_span(changes)}, in {_beyond(changes)} of {len(changes)} models)"
        for cause, changes in _changes(rows).items()
        if _beyond(changes)
    ]
    if not told:
        return "No single choice changes an accuracy beyond noise."
    return f"Removing these changes the accuracy beyond noise: {'; '.join(told)}."


def _worth(rows: Sequence[dict]) -> Table:
    cells = [
        (cause, _span(changes), f"{_beyond(changes)} of {len(changes)}")
        for cause, changes in _changes(rows).items()
    ]
    return Table(
        "What removing each cause changes in the accuracy",
        ("cause removed", "change, lowest to highest", "beyond noise, models"),
        cells,
    )


def _on_baselines(audit: dict) -> str:
    said = []
    for cause, protocol in (("label normalisation", "paper"), ("trained clean", "clean")):
        models = [row for row in audit["rows"] if row["cause"] == cause]
        if not models:
            continue
        blind = [row for row in audit["baselines"] if row["protocol"] == protocol]
        reached = sum(
            any(tables.reaches(of["accuracy_ci95"], row["accuracy_ci95"]) for of in blind)
            for row in models
        )
        said.append(f"the accuracy of {reached} of {len(models)} models by the {protocol} protocol")
    if said:
        return f"They come within reach of {' and of '.join(said)}."
    return _beside_runs(audit)


def _beside_runs(audit: dict) -> str:
    """The best of these classifiers beside the runs of the same cut."""
    runs = (audit.get("looking") or {"runs": []})["runs"]
    reached = [run["figures"]["accuracy"]["value"] for run in runs if run["protocol"] == "shifted"]
    known = [
        row
        for row in audit["baselines"]
        if row["accuracy"] is not None and (row["protocol"] == "shifted" or not reached)
    ]
    if not known:
        return "Not asked: there are no patches to fit them on."
    best = max(known, key=lambda row: row["accuracy"])
    said = (
        f"The best of them ({_SEES.get(best['name'], best['name'])}, {best['protocol']} protocol) "
        f"reaches an accuracy of {number(best['accuracy'])}"
    )
    if not reached:
        return f"{said}."
    span = sorted({number(min(reached)), number(max(reached))})
    return f"{said}; the runs by that protocol reach {' to '.join(span)}."


def _on_maps(faithful: Sequence[dict], random: Sequence[dict]) -> str:
    if not faithful:
        return "Not asked yet."

    def better(kind: str, sign: int) -> str:
        return _share(
            faithful,
            lambda row: tables.beyond_zero(row[kind]["maps_less_random"]["ci95"], sign),
        )

    last = [row["stages"][-1]["mean"] for row in random]
    passed = sum(mean is not None and mean <= tables.ALIKE for mean in last)
    return (
        f"The maps of {better('deletion', -1)} order pixels better than chance by deletion, those "
        f"of {better('insertion', 1)} by insertion. {passed} of {len(last)} pass the "
        "randomisation test: random parameters give them other maps."
    )


def _share(rows: Sequence[dict], holds: Callable[[dict], bool]) -> str:
    return f"{sum(map(holds, rows))} of {len(rows)} runs"
