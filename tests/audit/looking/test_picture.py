"""The picture: lesions by a draw, and the maps of runs that belong together."""

import cv2
import numpy as np

from jaxcbis.audit.looking import picture
from jaxcbis.audit.looking.comparing import Asked
from tests.audit.looking import made

TEST = made.patches()


def asked(*runs):
    return [Asked(run, made.look(TEST, np.arange(0))) for run in runs]


def test_it_shows_a_run_with_the_term_and_those_beside_it(tmp_path):
    runs = asked(
        made.finished(protocol="clean", batch_size=32), made.finished(seed=1),
        made.finished(protocol="clean"), made.finished(), made.finished(look_weight=0.3),
        made.finished(look_weight=1.0),
    )  # fmt: skip
    found = picture.write(tmp_path / "looking.png", runs, TEST)
    assert [column["run"] for column in found["columns"]] == [2, 3, 4]
    assert "weight 0.3" in found["columns"][-1]["title"]
    assert len(found["ids"]) == 3  # one of each class that is there
    drawn = cv2.imread(str(tmp_path / "looking.png"))
    assert drawn.shape[1] > 1500


def test_a_run_with_the_term_that_has_a_plain_one_beside_it_comes_first(tmp_path):
    alone, plain = made.finished(look_weight=0.3, batch_size=32), made.finished()
    runs = asked(alone, plain, made.finished(look_weight=1.0))
    columns = picture.write(tmp_path / "looking.png", runs, TEST)["columns"]
    assert [column["run"] for column in columns] == [1, 2]
    (column,) = picture.write(tmp_path / "looking.png", asked(alone), TEST)["columns"]
    assert column["title"] == "shifted lesions and\nthe term, weight 0.3"


def test_without_the_term_it_shows_what_there_is(tmp_path):
    columns = picture.write(tmp_path / "looking.png", asked(made.finished(seed=2)), TEST)["columns"]
    assert [column["run"] for column in columns] == [0]


def test_which_lesions_hangs_on_the_labels_alone():
    labels = np.array([0, 2, 2, 2, 4, 4, 4, 0] * 5)
    items = picture.chosen(labels)
    assert labels[items].tolist() == [2, 2, 4, 4]
    assert (items == picture.chosen(labels)).all()
    assert len(set(items.tolist())) == 4
    assert picture.chosen(np.zeros(5, int)).size == 0
