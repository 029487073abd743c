"""The curves of a mammogram run."""

import numpy as np

from jaxcbis.mammograms.page import document, drawings, figures
from tests.mammograms import example_run


def line(axes, label: str):
    (found,) = [each for each in axes.lines if str(each.get_label()).startswith(label)]
    return found


def test_roc_has_every_level_and_its_operating_points():
    run = example_run.results()
    (axes,) = drawings.roc(run).axes
    for name in ("view", "breast", "patient"):
        found = run["test"][name]
        drawn = line(axes, f"per {name}  {found['auc']:.2f}")
        np.testing.assert_allclose(drawn.get_xdata(), found["roc"]["false_positive_rate"])
        np.testing.assert_allclose(drawn.get_ydata(), found["roc"]["sensitivity"])
        of_level = [each for each in axes.lines if each.get_color() == drawn.get_color()]
        dots = [each for each in of_level if len(each.get_xdata()) == 1]
        expected = [(1 - p["specificity"], p["sensitivity"]) for p in found["operating_points"]]
        assert [(*dot.get_xdata(), *dot.get_ydata()) for dot in dots] == expected


def test_free_response_of_map_and_sweep():
    run = example_run.results()
    (axes,) = drawings.froc(run).axes
    for name, found in (("map", run["localization"]), ("sweep", run["localization"]["sweep"])):
        curve = found["froc"]
        drawn = line(axes, name)
        assert drawn.get_xdata()[1:].tolist() == curve["false_positives_per_image"]
        assert drawn.get_ydata()[1:].tolist() == curve["sensitivity"]
    assert axes.get_ylabel() == "sensitivity (6 malignant lesions)"
    run["localization"]["sweep"] = None
    assert list(figures.free_response(run)) == ["map"]


def test_what_a_run_has_no_figures_for_is_not_drawn(tmp_path):
    run = example_run.bare()
    assert list(figures.alternatives(run)) == ["calibration"]  # of one class, too
    assert figures.alternatives(run | {"test": None, "localization": None}) == {}
    figures.write(tmp_path, run)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "calibration.png", "calibration.svg"
    ]  # fmt: skip


def test_a_picture_says_what_it_is_wherever_it_is_shown(tmp_path):
    run = example_run.results()
    run["data"]["source"] = "demo"
    names = [*figures.alternatives(run)]
    assert names == ["roc", "froc", "calibration", "history"]
    figures.write(tmp_path, run)
    for name in names:
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000
        drawn = (tmp_path / "figures" / f"{name}.svg").read_text()
        for text in ("DEMO DATA: synthetic phantoms", "Not a medical device"):
            assert text in drawn


def test_figures_of_an_earlier_try_are_drawn_anew_when_the_run_ends(copy):
    """They may be of other options, as after a kill and --resume without --no-sweep."""
    drawn = copy / "figures" / "calibration.svg"
    before = drawn.read_text()
    document.write(copy)
    assert drawn.read_text() == before
    document.write(copy, example_run.bare())
    assert drawn.read_text() != before
