"""What differs between runs, and what holds for several, once."""

from jaxcbis.report.comparison import options, shared
from jaxcbis.report.figures import curves
from tests.report import example_run
from tests.report.comparison import runs


def rows(*given):
    return {row[0]: row[1:] for row in options.differing(given).rows}


def test_options_are_told_where_they_differ_with_defaults_filled_in():
    """One that a run's version did not have is its default, not a difference."""
    told = runs.answers()
    one = runs.run("a", told, image_size=112, look_weight=0.0, output="x", data="/here", windows=3)
    two = runs.run("b", told, image_size=112, look_weight=1.0, output="y", data="/there")
    assert rows(one, two) == {"--look-weight": ("0", "1")}


def test_data_and_weights_differ_by_their_content():
    told = runs.answers()
    one, same, other = (runs.run(name, told, data="x", weights=name) for name in "abc")
    other.results["weights"]["sha256"] = "ff" * 32
    cells = rows(one, same, other)
    assert cells["weights"][0] == cells["weights"][1] == "torchvision-safetensors, 00"
    assert cells["weights"][2] == "torchvision-safetensors, ffffffff"
    assert "data" not in cells
    fewer = runs.run("d", runs.answers(count=50), data="x")
    assert len(set(rows(one, same, fewer)["data"])) == 2


def test_programs_and_devices_are_told_where_they_differ():
    one, two = runs.run("a", runs.answers()), runs.run("b", runs.answers())
    two.results["environment"] = {"device": "H100", "git_commit": "0123456789" * 4}
    assert rows(one, two) == {
        "commit of the program": ("–", "01234567"), "device": ("cpu", "H100"),
    }  # fmt: skip


def test_a_line_that_holds_for_several_runs_is_said_once():
    lines = [
        ["demo", "accuracy is 0.62 instead of 0.7."],
        ["demo", "accuracy is 0.58 instead of 0.7."],
        ["demo", "a note of c"],
    ]
    assert shared.once(lines, "abc") == [
        ("demo", ""),
        ("accuracy is 0.58 to 0.62 instead of 0.7.", "a, b"),
        ("a note of c", "c"),
    ]


def test_curves_of_several_runs_run_over_all_phases():
    """A phase begins where the one before it ended; the term is drawn where a run has it."""
    results = example_run.results()
    assert curves.trained(results["history"]).tolist() == [0, 1, 2, 3, 3, 4, 5, 6]
    assert curves.quantities([results]) == ["loss", "accuracy"]
    with_term = example_run.results()
    for row in with_term["history"]:
        row |= {"val_look": 0.5, "val_cross_entropy": 1.0}
    assert curves.quantities([results, with_term]) == list(curves.QUANTITIES)
    (axes,) = curves.draw(["a$", "b"], [results, with_term], "loss").axes
    stars = [line for line in axes.lines if line.get_marker() == "*"]
    assert [line.get_xdata()[0] for line in stars] == [5, 5]  # the best: layer4's second epoch
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines[:2]}) == 2
