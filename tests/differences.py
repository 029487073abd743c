"""Largest differences from independent implementations, shown at the end of a test run."""

import numpy as np

#: What was compared -> (largest difference seen, bound).
seen: dict[str, tuple[float, float]] = {}


def assert_within(bound, got, expected, what: str, *, scale=1.0, detail: str = "") -> None:
    """Asserts that two arrays differ by at most `bound` times `scale`, and notes by how much.

    Args:
      bound: largest difference allowed, as a share of `scale`.
      got, expected: arrays of one shape, ours and the other implementation's.
      what: row of the table at the end of the test run.
      scale: what a difference is measured by.
      detail: said if it fails.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what} {detail}: {got.shape}, expected {expected.shape}"
    difference = float((np.abs(got - expected) / scale).max())
    note(what, difference, bound)
    assert difference <= bound, f"{what} {detail}: differs by {difference:.2g}, bound {bound:.2g}"


def note(what: str, difference: float, bound: float) -> None:
    """Keeps the largest difference of each row."""
    seen[what] = (max(difference, seen.get(what, (0.0, bound))[0]), bound)


def table() -> list[str]:
    """One line per comparison."""
    return [
        f"{what:<58} {largest:8.1e}  (bound {bound:.0e})"
        for what, (largest, bound) in sorted(seen.items())
    ]
