"""Which runs differ beyond noise, in words."""

from collections.abc import Mapping, Sequence

from jaxcbis.report.blind import against_blind_maps, pointing_against_blind_maps
from jaxcbis.report.comparison.pairs import Pair, beyond, known
from jaxcbis.report.tables import in_words

#: So many runs are named in a sentence, those that differ most; of the others, their number.
NAMED = 4


def headline(
    names: Sequence[str], pairs: Sequence[Pair], figures: Mapping[str, str], kind: str = "runs"
) -> str:
    """In which figures runs differ beyond noise, in one sentence.

    Args:
      names: of the runs.
      pairs: of `pairs.of`.
      figures: of `pairs.figures`.
      kind: what is compared, in the plural.
    """
    paired = [pair for pair in pairs if pair.differences is not None]
    if not paired:
        return f"Nothing is paired: no two of these {kind} were tested on the same patches."
    two = len(names) == 2
    yes = [label for figure, label in figures.items() if any(beyond(p, figure) for p in paired)]
    no = [label for label in figures.values() if label not in yes]
    if not yes:
        none = f"The two {kind} do not differ" if two else f"No two {kind} that are compared differ"
        return f"{none} beyond noise in {_listed(no, 'or')}."
    some = f"The two {kind} differ" if two else f"Some {kind} differ"
    said = f"{some} beyond noise in {_listed(yes, 'and')}"
    return f"{said}, not in {_listed(no, 'or')}." if no else f"{said}."


def without_labels(names: Sequence[str], runs: Sequence[dict]) -> str:
    """The accuracy without label normalisation, which nobody has in practice, of each run.

    Args:
      names: of the runs.
      runs: their results.json.

    Returns:
      Highest first; '' where no run has both.
    """
    asked = [run.get("test_without_label_normalization") for run in runs]
    if not any(asked):
        return ""
    found = [
        (of, name)
        for name, run, without in zip(names, runs, asked, strict=True)
        if (of := without or run.get("test")) and of["accuracy"] is not None
    ]
    found.sort(key=lambda each: -each[0]["accuracy"])
    said = "; ".join(f"{name} {in_words(of)}" for of, name in found[:NAMED])
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{said}{more}. Not paired: the runs keep no answers of it patch by patch."


def beside_blind(figure: str, names: Sequence[str], runs: Sequence[dict]) -> str:
    """Which runs lie below the best blind map in a figure of maps; '' where none does.

    Args:
      figure: one of `pairs.FIGURES`.
      names: of the runs.
      runs: their results.json.
    """
    best = {"ll_score": against_blind_maps, "pointing_game": pointing_against_blind_maps}
    if figure not in best:
        return ""
    blind = [best[figure](run.get("localization") or {}) for run in runs]
    below = [
        name for name, of in zip(names, blind, strict=True) if of is not None and of.difference < 0
    ]
    if not below:
        return ""
    reached = sorted({f"{of.value:.2f}" for of in blind if of is not None})
    span = reached[0] if len(reached) == 1 else f"{reached[0]} to {reached[-1]}"
    if len(below) == len(names):
        return f"All lie below the best blind map ({span})."
    more = f" and {len(below) - NAMED} more" if len(below) > NAMED else ""
    return f"Below the best blind map ({span}): {', '.join(below[:NAMED])}{more}."


def by_figure(
    names: Sequence[str], pairs: Sequence[Pair], figures: Mapping[str, str], *, every: bool
) -> list[tuple[str, str, str]]:
    """Of each figure, which run is ahead of which.

    Args:
      names: of the runs.
      pairs: of `pairs.of`.
      figures: of `pairs.figures`.
      every: whether they are of every two runs; then each figure is told from the run that has
        most of it, else from the first run.

    Returns:
      The figure, what it is called at the head of a line, and what is said of it.
    """
    found = []
    for figure, label in figures.items():
        values = _values(pairs, figure)
        if not values:
            continue
        lead = max(values, key=lambda run: values[run]) if every else 0
        if lead not in values:
            continue
        most = ", the highest" if every else ""
        said = [f"{names[lead]} has {values[lead]:.3f}{most}."]
        said += _others(names, lead, figure, pairs)
        found.append((figure, label[0].upper() + label[1:], " ".join(said)))
    return found


def _values(pairs: Sequence[Pair], figure: str) -> dict[int, float]:
    """A run's value in the first pair that it is in."""
    values: dict[int, float] = {}
    for pair in pairs:
        if known(pair, figure):
            for run, value in zip((pair.base, pair.other), pair.values[figure], strict=True):
                if value is not None:
                    values.setdefault(run, value)
    return values


def _others(names: Sequence[str], lead: int, figure: str, pairs: Sequence[Pair]) -> list[str]:
    """How the other runs stand to one."""
    groups: dict[str, list[tuple[float, str]]] = {"above": [], "below": [], "within": []}
    for pair in pairs:
        if lead not in (pair.base, pair.other) or not known(pair, figure):
            continue
        assert pair.differences is not None
        of = pair.differences[figure]
        if of["ci95"] is None:
            continue
        sign = 1 if pair.base == lead else -1
        low, high = sorted(sign * end for end in of["ci95"])
        change = sign * of["difference"]
        other = names[pair.other if pair.base == lead else pair.base]
        kind = "within" if not beyond(pair, figure) else "above" if change > 0 else "below"
        groups[kind].append((-abs(change), f"{other} ({change:+.3f}, {low:+.3f} to {high:+.3f})"))
    said = []
    for kind, words in (
        ("above", "Above it, beyond noise"), ("below", "Below it, beyond noise"),
        ("within", "Within noise of it"),
    ):  # fmt: skip
        if runs := [text for _, text in sorted(groups[kind])]:
            more = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
            said.append(f"{words}: {', '.join(runs[:NAMED])}{more}.")
    return said


def _listed(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
