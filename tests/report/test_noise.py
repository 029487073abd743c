"""Intervals of the paper's figures against closed forms."""

import numpy as np
import pytest

from jaxcbis.report import noise, paper


@pytest.mark.parametrize("row", paper.ROWS.values(), ids=lambda row: row.name)
def test_the_papers_intervals_follow_from_its_test_set(row):
    support = np.array(list(paper.SUPPORT.values()))
    recall = np.array([row.confusion[k][k] for k in range(5)])
    recall = recall / np.array([sum(shares) for shares in row.confusion])
    deviation = np.sqrt((support * recall * (1 - recall)).sum()) / support.sum()
    low, high = noise.of_paper(row)["accuracy"]
    assert (low + high) / 2 == pytest.approx(row.accuracy, abs=0.003)
    assert (high - low) / 2 == pytest.approx(1.96 * deviation, rel=0.1)


def test_verdicts():
    assert noise.verdict(0.70, [0.66, 0.74], 0.64, [0.60, 0.68]) == noise.BEYOND
    assert noise.verdict(0.70, [0.66, 0.74], 0.65, [0.61, 0.69]) == noise.WITHIN
    assert noise.verdict(0.70, None, 0.65, [0.61, 0.69]) == ""
    assert noise.of_difference([0.01, 0.2]) == noise.BEYOND
    assert noise.of_difference([-0.01, 0.2]) == noise.WITHIN
    assert noise.of_difference(None) == ""
