"""The tables of a mammogram run equal its results, and fit a terminal."""

import pytest

from jaxcbis.mammograms.page import tables
from tests.mammograms import example_run


def cells(table) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in table.rows}


def with_interval(found: dict, name: str) -> str:
    value, interval = found[name], found[f"{name}_ci95"]
    return f"{value:.2f}" + (f" ({interval[0]:.2f}-{interval[1]:.2f})" if interval else "")


def test_levels_with_flips_and_official_test():
    run = example_run.results()
    table = tables.levels(run)
    assert table.columns == ("", "malignant", "AUC", "with flips", "official test")
    for name, total in (("view", 12), ("breast", 6), ("patient", 6)):
        keys = ("test", "test_flips", "test_official")
        aucs = [with_interval(run[key][name], "auc") for key in keys]
        assert cells(table)[name] == (f"{total // 2} of {total}", *aucs)
    assert "in the training set, too" in table.caption
    plain = tables.levels(run | {"test_flips": None, "test_official": None})
    assert plain.columns == ("", "malignant", "AUC")
    assert "training set" not in plain.caption


def test_baselines_have_paired_differences_and_verdicts():
    run = example_run.results()
    run["baselines"]["imagenet_start"] = None
    found = run["baselines"]["breast_area"]
    found |= {"auc": 0.55, "auc_ci95": [0.5, 0.6], "difference": 0.2, "verdict": "better",
              "difference_ci95": [0.1, 0.3]}  # fmt: skip
    rows = cells(tables.baselines(run))
    assert list(rows) == [
        "this run", "patch run's sweep", "breast area", "mean intensity", "chance"
    ]  # fmt: skip
    assert rows["breast area"] == ("0.55 (0.50-0.60)", "+0.20 (+0.10 to +0.30)", "better")
    assert rows["this run"] == (with_interval(run["test"]["view"], "auc"), "–", "–")


def test_literature_is_marked_as_measured_elsewhere():
    table = tables.literature(example_run.results())
    assert table.title.startswith("Measured elsewhere")
    assert "not comparable" in table.caption
    assert cells(table)["Petrini and Kim, two views (2025)"] == ("0.8658", "official", "two")
    assert "arXiv:2503.19945" in table.caption
    for run in (example_run.bare(), {"literature": None}, {}):
        assert tables.literature(run) is None


def test_operating_points_say_where_they_were_chosen():
    run = example_run.results()
    point = run["test"]["breast"]["operating_points"][1]
    table = tables.operating_points(run)
    assert "validation split" in table.caption
    assert cells(table)["breast: 90 % sensitivity"] == (
        f"{point['threshold']:.2f}",
        with_interval(point, "sensitivity"),
        with_interval(point, "specificity"),
    )


def test_where_it_looks_beside_the_sweep():
    run = example_run.results()
    found, rows = run["localization"], cells(tables.localization(run))
    sweep = found["sweep"]
    assert rows["pointing game"] == tuple(with_interval(f, "pointing_game") for f in (found, sweep))
    assert rows["the breast's centre"] == (f"{found['blind']['centre']:.2f}", "–")
    assert rows["best on its grid"] == (f"{found['grid_ceiling']:.2f}", "–")
    at_two = [f"{of['froc']['sensitivity_at']['2']:.2f}" for of in (found, sweep)]
    assert [cell.split()[0] for cell in rows["found at 2 false positives"]] == at_two
    found["sweep"] = None
    assert tables.localization(run).columns == ("", "map")


def test_members_stand_beside_their_mean():
    run = example_run.results()
    assert tables.members(run) is None
    run["members"] = [run["members"][0] | {"run": f"/runs/{k}"} for k in range(2)]
    rows = cells(tables.members(run))
    aucs = tuple(with_interval(run["test"][name], "auc") for name in ("view", "breast", "patient"))
    assert rows == {"/runs/0": aucs, "/runs/1": aucs, "mean of all": aucs}


def test_memory_time_splits_and_patch_runs():
    run = example_run.results()
    costs = cells(tables.costs(run))
    assert costs["a training step, all layers"] == ("2100 MiB",)
    assert costs["sweep of the patch run"] == ("20.0 s",)
    assert cells(tables.splits(run)) == {
        "views": ("12", "12", "12"), "malignant": ("6", "6", "6"), "patients": ("6", "6", "6")
    }  # fmt: skip
    assert cells(tables.patch_runs(run))["/runs/r50-s2"][-1] == "0.71"


@pytest.mark.parametrize(
    "lacking", [*example_run.results(), "nothing"], ids=lambda name: f"no {name}"
)
def test_any_part_may_be_missing(lacking):
    run = example_run.results()
    if lacking not in ("config", "kind", "schema"):
        run |= {lacking: None}
    for table in tables.of(run):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_every_figure_may_be_null():
    run = example_run.bare()
    assert [table.title for table in tables.of(run)] == [
        "By level, 95 % intervals", "Operating points", "Views and patients per split"
    ]  # fmt: skip
    assert cells(tables.levels(run))["view"] == ("0 of 12", "–")
    assert cells(tables.operating_points(run))["view: Youden's index"] == ("–",) * 3
