"""`looking` of audit.json in words, a sentence for each finding."""

from jaxcbis.audit.looking.tables import TOLD, compared, model, trained
from jaxcbis.evaluation.bootstrap import BETTER, WITHIN_NOISE, WORSE
from jaxcbis.report.blind import BASELINES
from jaxcbis.report.tables import number

#: What is said of the lesion, by what covering it does beyond covering as much elsewhere.
USES, BESIDE, UNCLEAR = "uses", "beside", "unclear"
_ON_USE = {
    USES: "it uses the lesion",
    BESIDE: "it uses what is beside the lesion more than the lesion",
    UNCLEAR: "nothing shows that it uses the lesion",
}
#: In which figures differences are told in words.
_FIGURES = ("ll_score", "pointing_game", "pixel_ap", "accuracy", "malignancy_auc")


def of(looking: dict) -> list[str]:
    """What the figures say.

    Args:
      looking: of audit.json.
    """
    return [
        *(line for run in looking["runs"] for line in (on_maps(run), on_covering(run)) if line),
        *(on_difference(row) for row in looking["differences"]),
    ]


def name(run: dict) -> str:
    """A run in a few words."""
    return f"{model(run)}, {trained(run)}"


def strongest(run: dict, figure: str) -> str | None:
    """The blind map that reaches most on the lesions that the run gets right."""
    known = {
        kind: of[figure]["value"]
        for kind, of in run["blind"].items()
        if of[figure]["value"] is not None
    }
    return max(known, key=lambda kind: known[kind]) if known else None


def on_maps(run: dict) -> str:
    """Whether a run's maps are ahead of blind maps; '' where nothing is known."""
    said = []
    for figure, what in (("ll_score", "meet the masks"), ("pointing_game", "point at them")):
        kind = strongest(run, figure)
        if kind is None or run["blind"][kind][figure]["verdict"] is None:
            continue
        of = run["blind"][kind][figure]
        said.append(
            f"{what} {than(of['verdict'])} {BASELINES[kind]} "
            f"({number(run['figures'][figure]['value'])} against {number(of['value'])}; "
            f"{signed(of)})"
        )
    return f"{name(run)}: its maps {' and '.join(said)}." if said else ""


def on_covering(run: dict) -> str:
    """What covering the lesion takes away; '' where nothing could be covered."""
    figures = run["figures"]
    if figures["lesion_auc_covered"]["value"] is None:
        return ""
    intact, covered, elsewhere = (
        number(figures[f"lesion_auc_{which}"]["value"])
        for which in ("intact", "covered", "elsewhere")
    )
    return (
        f"{name(run)}: its lesion AUC is {intact}, {covered} with the lesion covered and "
        f"{elsewhere} with as much covered elsewhere; {_ON_USE[use(run)]}."
    )


def use(run: dict) -> str:
    """USES, BESIDE or UNCLEAR: whether covering the lesion takes more than covering elsewhere."""
    ends = run["figures"]["covered_less_elsewhere"]["ci95"]
    if ends is None or ends[0] <= 0 <= ends[1]:
        return UNCLEAR
    return USES if ends[1] < 0 else BESIDE


def on_difference(row: dict) -> str:
    """What one thing changes, figure by figure."""
    told = [
        f"{TOLD[figure]} {signed(of)}, {of['verdict'] or 'no interval'}"
        for figure in _FIGURES
        if (of := row["figures"][figure])["difference"] is not None
    ]
    return f"{model(row['pair'])}, {compared(row)}: {'; '.join(told) or 'nothing is known'}."


def than(verdict: str) -> str:
    """A verdict in front of what it compares with."""
    return {
        BETTER: "better than",
        WORSE: "worse than",
        WITHIN_NOISE: "no better or worse, beyond noise, than",
    }[verdict]


def signed(of: dict) -> str:
    """A difference with its interval."""
    ends = "" if of["ci95"] is None else " ({:+.2f} to {:+.2f})".format(*of["ci95"])
    return f"{of['difference']:+.2f}{ends}"
