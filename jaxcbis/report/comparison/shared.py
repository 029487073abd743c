"""Sentences that hold for several runs, said once."""

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?![\w])")


def once(lines: Sequence[Sequence[str]], names: Sequence[str]) -> list[tuple[str, str]]:
    """Lines of runs, each once, with the runs that it holds for.

    Lines that differ in their numbers alone become one, which has the lowest and the highest.

    Args:
      lines: of each run.
      names: of the runs.

    Returns:
      Of each line the text, and the names joined; '' where it holds for all.
    """
    alike: dict[str, list[tuple[int, str]]] = {}
    for run, of_run in enumerate(lines):
        for line in of_run:
            alike.setdefault(_NUMBER.sub("#", line), []).append((run, line))
    found = []
    for said in alike.values():
        runs = list(dict.fromkeys(run for run, _ in said))
        held = "" if len(runs) == len(names) else ", ".join(names[run] for run in runs)
        found.append((_joined([line for _, line in said]), held))
    return found


def told(lines: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """The same as text: 'this holds (a, b)', without names where it holds for all."""
    return [f"{text} ({held})" if held else text for text, held in once(lines, names)]


def _joined(lines: Sequence[str]) -> str:
    """One line for lines that differ in their numbers alone."""
    slots = iter(list(zip(*(_NUMBER.findall(line) for line in lines), strict=True)))

    def span(match: re.Match) -> str:
        values = sorted(set(next(slots)), key=float)
        return values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}"

    return _NUMBER.sub(span, lines[0])
