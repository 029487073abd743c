"""Figures against scikit-learn, and differences of runs that differ in one thing."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxcbis.audit.looking import comparing
from jaxcbis.audit.looking.comparing import Asked
from jaxcbis.errors import UserError
from tests.audit.looking import made

TEST = made.patches()
ITEMS = np.flatnonzero(TEST.labels > 0)[::2]
TIMES = comparing.times(TEST.patients)


def drawn(seed):
    return comparing.drawn(made.look(TEST, ITEMS, seed), TEST, ITEMS, TIMES)


def test_figures_are_those_of_scikit_learn():
    look, found = made.look(TEST, ITEMS), {name: of[0] for name, of in drawn(0).items()}
    labels, told = TEST.labels, look.probabilities
    lesion = labels > 0
    assert found["accuracy"] == (told.argmax(1) == labels).mean()
    assert found["lesion_auc"] == pytest.approx(roc_auc_score(lesion, 1 - told[:, 0]))
    malignant = (told[:, 3] + told[:, 4]) / told[:, 1:].sum(1)
    expected = roc_auc_score(labels[lesion] >= 3, malignant[lesion])
    assert found["malignancy_auc"] == pytest.approx(expected)
    each = [roc_auc_score(labels == k, told[:, k]) for k in (0, 2, 3, 4)]
    assert found["macro_auc"] == pytest.approx(np.mean(each))
    beside = 1 - told[~lesion, 0]
    for name, asked in (("covered", look.covered), ("elsewhere", look.elsewhere)):
        scores = np.concatenate([1 - asked[:, 0], beside])
        expected = roc_auc_score(np.arange(len(scores)) < len(ITEMS), scores)
        assert found[f"lesion_auc_{name}"] == pytest.approx(expected)
        less = expected - found["lesion_auc_intact"]
        assert found[f"{name}_less_intact"] == pytest.approx(less)


def test_maps_are_scored_over_the_lesions_that_the_run_gets_right():
    look, found = made.look(TEST, ITEMS), drawn(0)
    lesion = TEST.labels > 0
    right = (look.probabilities.argmax(1) == TEST.labels)[lesion]
    assert 0 < right.sum() < len(right)
    for name, values in look.figures.items():
        assert found[name][0] == pytest.approx(values[right].mean())
    assert found["ll_score_all"][0] == pytest.approx(look.figures["ll_score"].mean())


def test_blind_maps_are_compared_on_the_same_lesions():
    look = made.look(TEST, ITEMS)
    apart = np.random.default_rng(1).permutation(
        np.linspace(0.2, 0.3, int((TEST.labels > 0).sum()))
    )
    worse = {name: values - apart for name, values in look.figures.items()}
    found = comparing.blind(look, {"worse": worse, "same": look.figures}, TEST, TIMES)
    for name in comparing.OF_BLIND_MAPS:
        beside = found["worse"][name]
        assert beside["difference"] == pytest.approx(0.25, abs=0.05)
        assert beside["value"] == pytest.approx(drawn(0)[name][0] - beside["difference"])
        assert beside["verdict"] == "better"
        assert found["same"][name]["verdict"] == "within noise"


def test_the_interval_beside_blind_maps_is_of_the_same_lesions():
    look, rng = made.look(TEST, ITEMS), np.random.default_rng(9)
    others = {name: rng.random(len(values)) for name, values in look.figures.items()}
    ahead = np.full(len(TEST), np.nan)
    ahead[TEST.labels > 0] = look.figures["ll_score"] - others["ll_score"]
    right = np.flatnonzero((look.probabilities.argmax(1) == TEST.labels) & (TEST.labels > 0))
    means = [np.mean(np.repeat(ahead[right], sample[right].astype(int))) for sample in TIMES[1:]]
    found = comparing.blind(look, {"others": others}, TEST, TIMES)["others"]["ll_score"]
    np.testing.assert_allclose(found["ci95"], np.quantile(means, (0.025, 0.975)))


def compared(*runs):
    """Of runs that answer differently, by the order in which they stand."""
    figures = [{"accuracy": np.array([k, 0.9 * k, 1.1 * k])} for k in range(len(runs))]
    return comparing.differences([Asked(run, None) for run in runs], figures)


def test_weights_are_held_against_none_by_seed():
    rows = compared(
        made.finished(seed=0), made.finished(seed=1), made.finished(seed=2),
        made.finished(look_weight=0.3, seed=1), made.finished(look_weight=0.3, seed=0),
        made.finished(look_weight=1.0, seed=2), made.finished(look_weight=1.0, seed=7),
    )  # fmt: skip
    told = [(r["look_weight"], r["option"], r["against"], r["seeds"]) for r in rows]
    assert told == [(0.3, "look_weight", 0, [0, 1]), (1.0, "look_weight", 0, [2])]
    # seed 0: run 4 less run 0; seed 1: run 3 less run 1
    assert rows[0]["figures"]["accuracy"]["difference"] == pytest.approx((4 + 2) / 2)
    assert rows[1]["figures"]["accuracy"]["difference"] == pytest.approx(5 - 2)
    assert rows[0]["figures"]["accuracy"]["ci95"] == pytest.approx([2.715, 3.285])


def test_runs_that_differ_in_more_are_not_compared():
    plain = made.finished()
    for other in (
        {"batch_size": 32}, {"output_stride": 16}, {"strategy": "s1"}, {"cam_method": "layercam"},
        {"seed": 3},
    ):  # fmt: skip
        assert compared(plain, made.finished(look_weight=1.0, **other)) == []
    elsewhere = made.finished(look_weight=1.0, output="elsewhere", data_dir="x", device="cpu")
    assert len(compared(plain, elsewhere)) == 1
    elsewhere.results = {"weights": {"sha256": "others"}}
    assert compared(plain, elsewhere) == []


def test_the_shifted_cut_is_held_against_the_clean_one():
    clean = made.finished(protocol="clean")
    (row,) = compared(clean, made.finished(protocol="clean", look_weight=1.0), made.finished())
    assert (row["look_weight"], row["option"], row["against"]) == (0, "protocol", "clean")
    assert row["figures"]["accuracy"]["difference"] == 2


@pytest.mark.parametrize(
    ("backbone", "option", "base", "other"),
    [
        ("tiny_vgg", "head", "flatten", "pool"), ("tiny", "output_stride", 32, 16),
        ("tiny", "cam_method", "gradcam", "layercam"),
    ],
)  # fmt: skip
def test_a_grid_a_head_and_a_map_method_are_held_against_their_base(backbone, option, base, other):
    weighted = {"look_weight": 1.0, "output_stride": 16, "backbone": backbone}
    runs = [
        made.finished(**(weighted | {option: other})), made.finished(**(weighted | {option: base})),
        made.finished(**(weighted | {option: other, "seed": 1})),
        made.finished(protocol="clean", backbone=backbone, **{option: other}),
        made.finished(protocol="clean", backbone=backbone, **{option: base}),
    ]  # fmt: skip
    (row,) = compared(*runs)
    assert (row["option"], row["against"], row["seeds"]) == (option, base, [0])
    assert (row["look_weight"], row["pair"][option]) == (1.0, other)
    assert row["figures"]["accuracy"]["difference"] == -1


def test_a_run_that_is_there_twice_is_refused():
    plain, term = made.finished(), made.finished(look_weight=1.0)
    others = [made.finished(seed=1), made.finished(protocol="clean"), made.finished(batch_size=32)]
    comparing.require_different([plain, term, *others])
    again = made.finished(output="elsewhere", device="cpu")
    with pytest.raises(UserError, match="--run plain elsewhere-cpu: have the same options and"):
        comparing.require_different([plain, term, again])


def test_who_uses_the_lesion_cannot_do_without_it():
    falls = np.array([-0.3, -0.4, -0.2])
    assert comparing.difference("lesion_auc", falls)["verdict"] == "worse"
    for name in ("lesion_auc_covered", "covered_less_intact", "covered_less_elsewhere"):
        assert comparing.difference(name, falls)["verdict"] == "better"
        assert comparing.difference(name, -falls)["verdict"] == "worse"
    assert comparing.difference("accuracy", np.array([0.1]))["verdict"] is None  # one patient


def test_the_same_answers_differ_by_nothing_and_others_by_a_paired_interval():
    one, two = drawn(0), drawn(1)
    runs = [Asked(made.finished(), None), Asked(made.finished(look_weight=1.0), None)]
    (same,) = comparing.differences(runs, [one, one])
    assert all(of["difference"] == 0 and of["ci95"] == [0, 0] for of in same["figures"].values())
    (row,) = comparing.differences(runs, [one, two])
    of = row["figures"]["accuracy"]
    assert of["ci95"][0] < of["difference"] < of["ci95"][1]
