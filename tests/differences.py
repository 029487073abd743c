"""Largest differences from independent implementations, shown at the end of a test run.

The table of docs/correctness.md has a row for each, with the bound that the tests hold.
"""

from functools import cache
from pathlib import Path

import numpy as np

PAGE = Path(__file__).resolve().parent.parent / "docs" / "correctness.md"
#: Row of the table, 'what | against' -> (largest difference seen, bound).
seen: dict[str, tuple[float, float]] = {}


def assert_within(bound, got, expected, what: str, *, scale=1.0, detail: str = "") -> None:
    """Asserts that two arrays differ by at most `bound` times `scale`, and notes by how much.

    Args:
      bound: largest difference allowed, as a share of `scale`; its row must state it.
      got, expected: arrays of one shape, ours and the other implementation's.
      what: row of the table, its first two cells as they stand there.
      scale: what a difference is measured by.
      detail: said if it fails.
    """
    stated = documented().get(what)
    assert stated == bound, f"{PAGE.name} has {stated} as bound of '{what}', tested is {bound}"
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what} {detail}: {got.shape}, expected {expected.shape}"
    difference = float((np.abs(got - expected) / scale).max())
    note(what, difference, bound)
    assert difference <= bound, f"{what} {detail}: differs by {difference:.2g}, bound {bound:.2g}"


@cache
def documented() -> dict[str, float]:
    """The bound of each row of the table that has one."""
    table = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return {" | ".join(row[:2]): float(row[3]) for row in rows if row[-1][:1].isdigit()}


def note(what: str, difference: float, bound: float) -> None:
    """Keeps the largest difference of each row."""
    seen[what] = (max(difference, seen.get(what, (0.0, bound))[0]), bound)


def table() -> list[str]:
    """The rows as the page has them, of what was compared."""

    def short(number: float, digits: int) -> str:
        return f"{number:.{digits}e}".replace("e-0", "e-") if number else "0"

    return [
        f"| {what} | {short(largest, 1)} | {short(bound, 0)} |"
        for what, (largest, bound) in seen.items()
    ]
