"""What runs on shifted lesions say, with the localisation term and without, in Markdown."""

from collections.abc import Sequence

from jaxcbis.audit import tables as audit_tables
from jaxcbis.audit.looking import tables, words
from jaxcbis.evaluation.bootstrap import BETTER, WITHIN_NOISE, WORSE
from jaxcbis.report import formats, paper
from jaxcbis.report.blind import BASELINES
from jaxcbis.report.tables import number

#: Pixels. In mammograms of full size, 4,000 x 6,000, half of the lesions are longer by far.
FULL_SIZE = 100
#: Figures of maps and of answers, as they are named in a sentence.
_OF_MAPS = {
    "ll_score": "the LL score", "pointing_game": "the pointing game", "pixel_ap": "pixel AP",
}  # fmt: skip
_OF_ANSWERS = {"accuracy": "accuracy", "malignancy_auc": "malignancy AUC"}


def text(audit: dict, beside: str, picture: str, others: Sequence[str] = ()) -> str:
    """The document, in Markdown.

    Args:
      audit: content of audit.json, of runs by the shifted protocol.
      beside: file name of the document on centred lesions.
      picture: of the audit's picture.
      others: file names of documents like this one, on other such runs.
    """
    looking = audit["looking"]
    of_model = _on_model(looking["differences"])
    parts = [
        "# Does the patch model look at the lesion?",
        "\n".join(f"{k}. {line}" for k, line in enumerate(answer(looking), 1)),
        _figure(looking, picture),
        "## The question, and the runs that were asked",
        _question(looking["runs"]),
        _recipe(looking["runs"]),
        f"Models on centred lesions are in [{beside}]({beside})."
        + "".join(f" Other runs are in [{name}]({name})." for name in others)
        + " `python -m jaxcbis findings docs` makes these documents from the files in "
        "`docs/results`, and `python -m jaxcbis audit` of the runs makes the figures and the "
        "picture.",
        *(["## Head, grid and map method", _list(of_model)] if of_model else []),
        "## What these data cannot tell",
        _list(_limits(looking)),
        *(formats.markdown(table) for table in audit_tables.of(audit)),
        "## Notes",
        _list([*audit_tables.on_what_is_left(audit), *audit["notes"]]),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def answer(looking: dict) -> list[str]:
    """A sentence each: the verdict, the model of the figure, the cut, the term, the term's price.

    Args:
      looking: of audit.json.
    """
    rows = looking["differences"]
    of_cut = [row for row in rows if row["option"] == "protocol"]
    of_term = [row for row in rows if row["option"] == "look_weight"]
    return [
        _verdict(looking["runs"]), _of_one(_shown(looking)), _on_cut(of_cut), _on_term(of_term),
        _on_price(of_term),
    ]  # fmt: skip


def _recipe(runs: Sequence[dict]) -> str:
    """How the runs were trained, as far as more hangs on it than their kind."""
    by_epochs: dict[int, list[str]] = {}
    for run in runs:
        models = by_epochs.setdefault(run["epochs"], [])
        if (model := f"{run['backbone']} {run['strategy']}") not in models:
            models.append(model)
    whose = {count: f" of {' and '.join(of)}" for count, of in by_epochs.items()}
    epochs = ", ".join(f"{count}{of * (len(whose) > 1)}" for count, of in whose.items())
    sizes = _known(runs, "image_size")
    precisions = _known(runs, "precision")
    return (
        f"Images of {sizes} pixels, {_known(runs, 'windows')} windows on each training lesion; "
        f"epochs of a phase, at most: {epochs}; {precisions}, on {_known(runs, 'device')}. A run "
        f"is `python run.py --data PATH --image-size {sizes} --precision {precisions}` with the "
        "options that the tables name."
    )


def _known(runs: Sequence[dict], key: str) -> str:
    """What the runs have for a key, in words."""
    return " or ".join(str(value) for value in sorted({run[key] for run in runs} - {None}))


def _question(runs: Sequence[dict]) -> str:
    scores = [row.ll_score for row in paper.ROWS.values()]
    term = "a second term in the loss, the soft Dice of the true class's Grad-CAM with the mask"
    weighted = {bool(run["look_weight"]) for run in runs}
    trained = {
        (False,): "All models were trained plainly.",
        (True,): f"All models were trained with {term}.",
        (False, True): f"Some models were trained plainly; others with {term}.",
    }[tuple(sorted(weighted))]
    return (
        "A model may classify a patch rightly for what lies around the lesion. The paper's maps "
        f"meet the masks with LL scores of {min(scores):.2f} to {max(scores):.2f}, and it names "
        "the background as a possible reason. Where the lesion fills the patch or lies in its "
        "middle, a map made without a model scores well, and an LL score tells little. Here the "
        "lesion lies anywhere in its window, and its longer side is 25 to 75 % of the window's. "
        f"{trained} The verdict goes by pixel AP, for which no threshold has to be chosen: the LL "
        "score cuts a map at half of its maximum, where a sharp one covers but the middle of a "
        "lesion."
    )


def _verdict(runs: Sequence[dict]) -> str:
    shifted = [run for run in runs if run["protocol"] == "shifted" and not _mapped_again(run, runs)]
    plain = [run for run in shifted if not run["look_weight"]]
    asked = plain or shifted
    trained = "plainly trained" if plain else "trained with the term"
    ranks, points, overlaps = (
        [_leads(run, figure) for run in asked]
        for figure in ("pixel_ap", "pointing_game", "ll_score")
    )
    using = [words.use(run) == words.USES for run in asked]
    both = sum(one and other for one, other in zip(ranks, using, strict=True))
    shown = "Nothing shows that it does."
    if both:
        most = "Most models do." if 2 * both > len(asked) else "Some models do, not all."
        shown = "Yes." if both == len(asked) else most
    elif any(ranks) and any(using):
        shown = "No model shows both signs that it does, some show one."
    elif any(ranks):
        shown = "The maps say that it does, covering the lesion does not."
    elif any(using):
        shown = "Covering the lesion says that it does, the maps do not."
    return (
        f"**{shown}** Of {len(asked)} run{'s' * (len(asked) > 1)} {trained} on shifted lesions, "
        f"{_some(ranks, 'beat')} every map made without a model in pixel AP, "
        f"{sum(points) or 'none'} in the pointing game and {sum(overlaps) or 'none'} in the LL "
        f"score; {_some(using, 'lose')} more AUC with the lesion covered than with as much covered "
        "elsewhere."
    )


def _mapped_again(run: dict, runs: Sequence[dict]) -> bool:
    """Whether it is a model that is there with its Grad-CAM maps, too."""
    same = (
        "protocol", "backbone", "strategy", "head", "output_stride", "look_weight", "seed",
    )  # fmt: skip
    return run["cam_method"] != "gradcam" and any(
        of["cam_method"] == "gradcam" and all(of[name] == run[name] for name in same) for of in runs
    )


def _some(signs: Sequence[bool], verb: str) -> str:
    """'none beat', '1 beats', '2 beat'."""
    return f"{sum(signs) or 'none'} {verb}{'s' * (sum(signs) == 1)}"


def _of_one(run: dict) -> str:
    """What the plain run of the figure reaches."""
    figures = run["figures"]
    said = []
    for figure, what in (("ll_score", "an LL score"), ("pointing_game", "a pointing game")):
        told = f"{what} of {tables.interval(figures[figure])}"
        kind = words.strongest(run, figure)
        if kind is not None:
            of = run["blind"][kind][figure]
            verdict = words.than(of["verdict"]) if of["verdict"] else "beside"
            told += f", {verdict} {BASELINES[kind]} ({number(of['value'])})"
        said.append(told)
    covering = ""
    if figures["lesion_auc_covered"]["value"] is not None:
        intact, covered, elsewhere = (
            number(figures[f"lesion_auc_{which}"]["value"])
            for which in ("intact", "covered", "elsewhere")
        )
        covering = (
            f"; its AUC of lesion against background is {intact}, {covered} with the lesion "
            f"covered and {elsewhere} with as much covered elsewhere"
        )
    return f"{words.name(run)}, has {', and '.join(said)}{covering}."


def _on_cut(rows: Sequence[dict]) -> str:
    if not rows:
        return "No run that was trained on centred lesions was asked about these."
    told = [
        f"{(_OF_MAPS | _OF_ANSWERS)[figure]} on them is {_tally(rows, figure)}"
        for figure in ("pixel_ap", "ll_score", "accuracy")
    ]
    return (
        f"After training on shifted lesions instead of centred ones, {told[0]}, {told[1]}, and "
        f"{told[2]}."
    )


def _on_term(rows: Sequence[dict]) -> str:
    if not rows:
        return "No run was trained with the term, or none beside a plain one of the same options."
    told = [f"{what} is {_tally(rows, figure)}" for figure, what in _OF_MAPS.items()]
    return f"With the term {told[0]}, {told[1]}, and {told[2]}."


def _on_price(rows: Sequence[dict]) -> str:
    if not rows:
        return "What the term costs is not known."
    told = [f"{what} is {_tally(rows, figure)}" for figure, what in _OF_ANSWERS.items()]
    more = sum(row["figures"]["covered_less_elsewhere"]["verdict"] == BETTER for row in rows)
    less = sum(row["figures"]["covered_less_elsewhere"]["verdict"] == WORSE for row in rows)
    use = "no model is shown to use the lesion more or less"
    if more or less:
        use = f"covering the lesion takes more in {more or 'none'} and less in {less or 'none'}"
    return f"With it {told[0]}, {told[1]}, and {use}."


def _on_model(rows: Sequence[dict]) -> list[str]:
    """A sentence for each head, grid and map method that was tried beside the usual one.

    What is said of a head or a grid is said by Grad-CAM, so that no model counts twice.
    """
    alike: dict[str, list[dict]] = {}
    for row in rows:
        option, pair = row["option"], row["pair"]
        if option in ("head", "output_stride") and pair["cam_method"] == "gradcam":
            named = pair["backbone"]
        elif option == "cam_method":
            named = tables.model(pair | {"cam_method": "gradcam"})
        else:
            continue
        compared = tables.compared(row | {"look_weight": 0})
        alike.setdefault(f"{named}, {compared}", []).append(row)
    lines = []
    for name, of in alike.items():
        asked = _OF_MAPS if of[0]["option"] == "cam_method" else _OF_MAPS | _OF_ANSWERS
        told = [
            f"{what.removeprefix('the ')} {_tally(of, figure)}" for figure, what in asked.items()
        ]
        lines.append(f"{name}: {'; '.join(told)}.")
    return lines


def _tally(rows: Sequence[dict], figure: str) -> str:
    """The one verdict, or how often each was given, and the differences behind it.

    'better (+0.05, 95 % interval +0.01 to +0.09)', or 'better in 2, worse in 1 of 3 comparisons
    (-0.05 to +0.05)'.
    """
    words = {
        BETTER: "better", WORSE: "worse", WITHIN_NOISE: "no different beyond noise",
        None: "of unknown noise",
    }  # fmt: skip
    known = [of for row in rows if (of := row["figures"][figure])["difference"] is not None]
    if not known:
        return "not known"
    if len(rows) == 1:
        (of,) = known
        ends = of["ci95"] and ", 95 % interval {:+.2f} to {:+.2f}".format(*of["ci95"])
        return f"{words[of['verdict']]} ({of['difference']:+.2f}{ends or ''})"
    verdicts = [of["verdict"] for of in known]
    told = [f"{word} in {n}" for key, word in words.items() if (n := verdicts.count(key))]
    least, most = (pick(of["difference"] for of in known) for pick in (min, max))
    return f"{', '.join(told)} of {len(rows)} comparisons ({least:+.2f} to {most:+.2f})"


def _leads(run: dict, figure: str) -> bool:
    """Whether a run's maps are better than each of those made without a model.

    The verdict goes by pixel AP, for which no share of a map's maximum has to be chosen: one that
    suits blunt maps fails sharp ones. Choe et al., Evaluating Weakly Supervised Object Localization
    Methods Right, CVPR 2020.
    """
    verdicts = [of[figure]["verdict"] for of in run["blind"].values()]
    return bool(verdicts) and all(verdict == BETTER for verdict in verdicts)


def _shown(looking: dict) -> dict:
    """The plain run of the figure; without one, the last that it shows."""
    shown = [looking["runs"][column["run"]] for column in looking["picture"]["columns"]]
    plain = [run for run in shown if run["protocol"] == "shifted" and not run["look_weight"]]
    return (plain or shown)[-1]


def _figure(looking: dict, file: str) -> str:
    picture = looking["picture"]
    told = "; ".join(
        f"{' '.join(column['title'].split())}: {words.name(looking['runs'][column['run']])}"
        for column in picture["columns"]
    )
    return (
        f"![Test lesions with their outlines, and maps of models trained in different ways]"
        f"({file})\n\n"
        f"The lesions: {picture['rule']}. Below each map is the class that the model predicts, "
        f"whose map it is. Columns: {told}."
    )


def _limits(looking: dict) -> list[str]:
    n, runs = looking["n"], looking["runs"]
    lines = []
    if absent := [label for label, count in n["per_class"].items() if not count]:
        lines.append(
            f"They hold no {' and no '.join(absent)}: what is said of the other lesions may not "
            "hold for these."
        )
    if n["lesion_side"] is not None:
        line = f"Half of the test lesions are at most {n['lesion_side']:.0f} pixels long"
        if n["lesion_side"] < FULL_SIZE:
            line += ": these are reduced mammograms, and what full-size ones show may be lost"
        lines.append(f"{line}.")
    seeds = max((len(row["seeds"]) for row in looking["differences"]), default=0)
    lines.append(
        f"{'One seed stands' if seeds == 1 else f'At most {seeds} seeds stand'} behind a "
        "difference: its interval is that of the test patients, not of other trainings."
        if seeds
        else "No run has a counterpart, so that no difference is known."
    )
    grids = " or ".join(f"{grid} x {grid}" for grid in sorted({run["grid"] for run in runs}))
    lines += [
        f"Maps have {grids} cells: they say where the evidence for a class lies, no finer than "
        "that, and not why it is evidence.",
        f"A lesion that is filled in leaves traces, which the control shares; {n['covered']} of "
        f"{n['lesions']} test lesions have room for it beside them, mostly smaller ones.",
    ]
    return lines
