"""Tables and sentences follow the figures."""

import io

import pytest
from rich.console import Console

from jaxcbis.audit import pages
from jaxcbis.audit.looking import tables, words
from jaxcbis.report import terminal
from tests.audit.looking import made


def test_tables_fit_the_terminal_and_have_a_row_for_every_run():
    shown = tables.of(
        made.looking(differences=[made.difference(), made.difference(0.0, "protocol")])
    )
    screen = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    terminal.show(screen, shown)
    assert "…" not in screen.file.getvalue()
    for table in shown:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
    answers = [row[0].strip() for row in shown[0].rows]
    assert answers == [
        "resnet50 s2, stride 16, 7 x 7", "clean, seed 0", "plain, seed 0", "weight 1, seed 0",
    ]  # fmt: skip
    heads = [row[0].strip() for row in shown[-1].rows if not row[1]]
    assert heads[1::2] == [
        "weight 1 against none, 2 seeds", "trained on shifted, not on centred lesions, 2 seeds",
    ]  # fmt: skip


def test_models_are_told_by_what_they_have_a_choice_of_and_alike_runs_by_their_folders():
    run = made.run()
    assert words.name(run) == "resnet50 s2, stride 16, plain, seed 0"
    run |= {"backbone": "vgg19", "head": "flatten", "cam_method": "layercam", "alike": True}
    assert words.name(run) == "vgg19 s2, flatten, LayerCAM, plain, seed 0, a"


@pytest.mark.parametrize(
    ("covered", "said"),
    [
        ((-0.2, -0.3, -0.1), "it uses the lesion"),
        ((-0.2, -0.5, 0.1), "nothing shows that it uses"),
        ((0.2, 0.1, 0.3), "beside the lesion more than the lesion"),
    ],
)
def test_what_covering_says(covered, said):
    assert said in words.on_covering(made.run(covered_less_elsewhere=covered))


def test_nothing_is_said_of_what_could_not_be_covered_or_compared():
    run = made.run()
    run["figures"]["lesion_auc_covered"] = {"value": None, "ci95": None}
    run["figures"]["covered_less_elsewhere"] = {"value": None, "ci95": None}
    assert words.on_covering(run) == ""
    for of in run["blind"].values():
        for figure in of.values():
            figure |= {"value": None, "difference": None, "ci95": None, "verdict": None}
    assert words.on_maps(run) == ""
    tables.of(made.looking([run], []))


def test_maps_are_held_against_the_strongest_that_knows_no_model():
    run = made.run()
    run["blind"]["blurred_brightness"]["pointing_game"] |= {"value": 0.55, "verdict": "worse"}
    said = words.on_maps(run)
    assert "meet the masks better than a map of all ones" in said
    assert "point at them worse than the blurred brightness (0.50 against 0.55;" in said


@pytest.mark.parametrize(
    ("option", "weight", "said"),
    [
        ("head", 0.0, "head pool against flatten"),
        ("output_stride", 0.3, "output stride 16 against 32, weight 0.3"),
        ("cam_method", 1.0, "LayerCAM against Grad-CAM, weight 1"),
    ],
)
def test_what_is_compared_is_told_with_the_terms_weight(option, weight, said):
    row = made.difference(weight, option)
    row["pair"]["cam_method"] = "layercam"
    assert tables.compared(row) == said


@pytest.mark.parametrize("verdict", ["better", "worse", "within noise"])
def test_a_difference_is_told_with_its_verdict(verdict):
    said = words.on_difference(made.difference(ll_score=verdict))
    assert said.startswith("resnet50 s2, stride 16, weight 1 against none: LL ")
    assert f", {verdict}; pointing game +0.00 (-0.02 to +0.02), within noise" in said


def test_the_audit_tells_it_with_its_picture(tmp_path):
    pages.markdown(tmp_path / "audit.md", made.audit(made.looking()))
    text = (tmp_path / "audit.md").read_text()
    assert "](looking.png)" in text
    assert "by a draw" in text
    for line in words.of(made.looking()):
        assert f"- {line}" in text
    assert "## From the paper's protocol" not in text  # no run by it
