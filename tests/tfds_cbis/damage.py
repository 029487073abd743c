"""The table of all ways to damage a release; the modules bad_* fill it."""

from collections.abc import Callable
from typing import NamedTuple

from tests.tfds_cbis.healthy_release import Case

#: Damages of one case are done in this order: what comes later works on what came before.
STAGES = ("image", "row", "table", "folder", "archive")


class Damage(NamedTuple):
    """One way to damage a release.

    Attributes:
      stage: what it is done to, one of STAGES.
      outcome: what must come of it alone. 'kept': all lesions are as before. 'dropped': just
        those named by `apply` are dropped, each with `words`. 'refused': a CbisError with
        `words`. 'unsure': one of these.
      words: a regular expression.
      apply: does it. Takes the case, a number that picks the place and a share of the way
        through a file; returns the ids of the lesions that must be dropped.
    """

    name: str
    stage: str
    outcome: str
    words: str
    apply: Callable[[Case, int, float], set[str] | None]


DAMAGES: list[Damage] = []


def damage(outcome: str, words: str = "", *, stage: str = ""):
    """Enters a function into the table; its module's name tells the stage if none is given."""

    def enter(function: Callable[[Case, int, float], set[str] | None]):
        where = stage or function.__module__.rpartition("bad_")[2].removesuffix("s")
        assert where in STAGES
        name = function.__name__.replace("_", " ")
        assert name not in {entry.name for entry in DAMAGES}, name
        DAMAGES.append(Damage(name, where, outcome, words, function))
        return function

    return enter


def do(entry: Damage, case: Case, pick: int, share: float) -> set[str]:
    """Does one damage and notes in the case what may come of it."""
    ids = set(entry.apply(case, pick, share) or ())
    case.touched |= ids
    case.refusable |= entry.outcome in ("refused", "unsure")
    if entry.outcome == "dropped":
        case.lost |= ids
        if entry.words not in ("unknown pathology", "missing mammogram"):
            case.barren |= {case.lesions[name].view_id for name in ids}
    return ids
