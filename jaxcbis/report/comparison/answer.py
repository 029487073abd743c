"""Which runs differ beyond noise, in words."""

from collections.abc import Sequence

from jaxcbis.report.comparison.pairs import FIGURES, Pair, beyond

#: So many runs are named in a sentence, those that differ most; of the others, their number.
NAMED = 4


def headline(names: Sequence[str], pairs: Sequence[Pair], kind: str = "runs") -> str:
    """In which figures runs differ beyond noise, in one sentence.

    Args:
      names: of the runs.
      pairs: of `pairs.of`.
      kind: what is compared, in the plural.
    """
    paired = [pair for pair in pairs if pair.differences is not None]
    if not paired:
        return f"Nothing is paired: no two of these {kind} were tested on the same patches."
    two = len(names) == 2
    yes = [label for figure, label in FIGURES.items() if any(beyond(p, figure) for p in paired)]
    no = [label for label in FIGURES.values() if label not in yes]
    if not yes:
        none = f"The two {kind} do not differ" if two else f"No two {kind} that are compared differ"
        return f"{none} beyond noise in {_listed(no, 'or')}."
    some = f"The two {kind} differ" if two else f"Some {kind} differ"
    said = f"{some} beyond noise in {_listed(yes, 'and')}"
    return f"{said}, not in {_listed(no, 'or')}." if no else f"{said}."


def by_figure(names: Sequence[str], pairs: Sequence[Pair], *, every: bool) -> list[tuple[str, str]]:
    """Of each figure, which run is ahead of which.

    Args:
      names: of the runs.
      pairs: of `pairs.of`.
      every: whether they are of every two runs; then each figure is told from the run that has
        most of it, else from the first run.

    Returns:
      The figure, and what is said of it.
    """
    found = []
    for figure, label in FIGURES.items():
        values = _values(pairs, figure)
        if not values:
            continue
        lead = max(values, key=lambda run: values[run]) if every else 0
        if lead not in values:
            continue
        most = ", the highest" if every else ""
        said = [f"{names[lead]} has {values[lead]:.3f}{most}."]
        said += _others(names, lead, figure, pairs)
        found.append((label[0].upper() + label[1:], " ".join(said)))
    return found


def _values(pairs: Sequence[Pair], figure: str) -> dict[int, float]:
    """A run's value in the first pair that it is in."""
    values: dict[int, float] = {}
    for pair in pairs:
        if pair.differences is not None and pair.differences[figure]["difference"] is not None:
            for run, value in zip((pair.base, pair.other), pair.values[figure], strict=True):
                if value is not None:
                    values.setdefault(run, value)
    return values


def _others(names: Sequence[str], lead: int, figure: str, pairs: Sequence[Pair]) -> list[str]:
    """How the other runs stand to one."""
    groups: dict[str, list[tuple[float, str]]] = {"above": [], "below": [], "within": []}
    for pair in pairs:
        if lead not in (pair.base, pair.other) or pair.differences is None:
            continue
        of = pair.differences[figure]
        if of["difference"] is None or of["ci95"] is None:
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
