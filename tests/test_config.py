"""Options compared with those that an earlier run recorded."""

import dataclasses

from jaxcbis.config import differing, resolve


def test_only_what_differs_is_told():
    before = dataclasses.asdict(resolve({"data": "a.npz", "seed": 1}))
    now = dataclasses.asdict(resolve({"data": "a.npz", "seed": 2, "output": "elsewhere"}))
    assert differing(before, now) == ["seed was 1, is 2"]


def test_an_option_that_a_run_did_not_know_had_its_default():
    before = dataclasses.asdict(resolve({"data": "a.npz"}))
    del before["deterministic"]
    assert differing(before, dataclasses.asdict(resolve({"data": "a.npz"}))) == []
    asked = dataclasses.asdict(resolve({"data": "a.npz", "deterministic": True}))
    assert differing(before, asked) == ["deterministic was False, is True"]
