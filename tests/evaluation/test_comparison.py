import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from jaxcbis.evaluation.comparison import mcnemar


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_p_is_twice_the_smaller_tail(answers):
    first, second = np.array(answers, bool).reshape(-1, 2).T
    got = mcnemar(first, second)
    b, c = int((first > second).sum()), int((second > first).sum())
    assert (got["only_first"], got["only_second"]) == (b, c)
    expected = min(1, 2 * binom.cdf(min(b, c), b + c, 0.5)) if b + c else 1
    assert got["p"] == pytest.approx(expected)
    assert mcnemar(second, first)["p"] == pytest.approx(got["p"])


def test_of_other_items_is_refused():
    with pytest.raises(ValueError, match="same items"):
        mcnemar([True], [True, False])
