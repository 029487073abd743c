"""Checkpoints that are damaged, or of something else: one line, and nothing else on the screen."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxcbis.errors import UserError
from jaxcbis.machine import files
from jaxcbis.models.model import Architecture, Model
from jaxcbis.training import checkpoints, steps
from jaxcbis.training import fit as loop
from jaxcbis.training.strategies import Phase
from tests.training.small import recipe

RATES = {"head": 1e-3}


ARCHITECTURE = Architecture("some", (), (), None, {})


def variables(width=8, stage="head", value=1.0):
    kernel = jnp.full((width, 5), value).at[0, 0].set(0)
    return Model(ARCHITECTURE, {stage: {"linear": {"kernel": kernel, "bias": jnp.zeros(5)}}}, {})


def arrays(**changes):
    (stage,) = variables(**changes).params
    return steps.start({stage: 1e-3}, variables(**changes)), variables(**changes)


@pytest.fixture
def saved(tmp_path):
    """A folder with a checkpoint of training and a finished model."""
    with checkpoints.open_manager(tmp_path) as manager:
        checkpoints.save(manager, arrays(), {"phase": 0})
    checkpoints.save_model(tmp_path, variables())
    return tmp_path


def read_training(folder, **changes):
    with checkpoints.open_manager(folder) as manager:
        checkpoints.read_progress(manager)
        return checkpoints.read_arrays(manager, arrays(**changes))


def read_model(folder, **changes):
    return checkpoints.load_model(folder, variables(**changes))


BOTH = pytest.mark.parametrize(
    ("read", "place"), [(read_training, "training/1"), (read_model, "model")]
)


def refusal(read, folder, capfd, **changes) -> str:
    capfd.readouterr()
    with pytest.raises(UserError) as raised:
        read(folder, **changes)
    jax.effects_barrier()
    assert capfd.readouterr() == ("", "")
    assert "\n" not in str(raised.value)
    assert str(folder) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("model", ["params/head/linear/bias", "params/head/linear/kernel"]),
        ("training/1/arrays", ["0/variables/params/head/linear/bias", "1/params/head/linear/bias"]),
    ],
)
def test_the_names_in_a_file_stay_those_of_earlier_versions(place, expected, saved):
    found = checkpoints._named(ocp.StandardCheckpointHandler().metadata(saved / place))
    assert set(expected) <= set(found)


@BOTH
def test_what_was_saved_is_read_back(read, place, saved, capfd):
    expected = arrays() if read is read_training else variables()
    found = read(saved)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert capfd.readouterr() == ("", "")


@BOTH
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-7]), "bytes, expected"),
        (lambda file: file.write_bytes(b""), "has 0 bytes, expected"),
        (lambda file: file.write_bytes(file.read_bytes()[::-1]), "holds other bytes"),
        (lambda file: file.unlink(), "is missing"),
    ],
)
def test_a_damaged_file_is_named(read, place, saved, capfd, damage, said):
    found = [path for path in (saved / place).rglob("*") if path.is_file()]
    names = {path for path in found if path.name != files.SEAL}
    for path in (max(names, key=lambda path: path.stat().st_size), sorted(names)[-1]):
        kept = path.read_bytes()
        damage(path)
        line = refusal(read, saved, capfd)
        assert said in line
        assert str(path.relative_to(saved / place)) in line
        path.write_bytes(kept)
    read(saved)
    (saved / place / files.SEAL).write_text("{")
    assert "no valid JSON" in refusal(read, saved, capfd)


@BOTH
def test_arrays_that_do_not_fit_are_named(read, place, saved, capfd):
    line = refusal(read, saved, capfd, width=9)
    assert "kernel is (8, 5), expected (9, 5)" in line
    line = refusal(read, saved, capfd, stage="other")
    assert "missing: " in line
    assert "params/other/linear/bias" in line
    assert "unexpected: " in line


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(tmp_path, capfd, value):
    with checkpoints.open_manager(tmp_path) as manager:
        checkpoints.save(manager, arrays(value=value), {"phase": 0})
    checkpoints.save_model(tmp_path, variables(value=value))
    for read in (read_training, read_model):
        line = refusal(read, tmp_path, capfd)
        assert "not finite numbers" in line
        assert "params/head/linear/kernel" in line


def test_no_model(saved, capfd):
    shutil.rmtree(saved / "model")
    assert "no such folder" in refusal(read_model, saved, capfd)
    (saved / "model").mkdir()
    refusal(read_model, saved, capfd)


def test_progress_that_is_none(saved, capfd):
    place = saved / "training" / "1"
    (place / files.SEAL).unlink()  # as an older version left it
    (place / "progress" / "metadata").write_text('{"phase": ')
    refusal(read_training, saved, capfd)
    shutil.rmtree(place / "progress")
    refusal(read_training, saved, capfd)


LOSSES = {"train_loss": 0.5, "val_loss": 0.6}
PARTS = {"train_cross_entropy": 0.5, "train_look": None, "val_cross_entropy": 0.6, "val_look": None}
ROW = {"phase": "head", "learning_rates": RATES} | LOSSES | PARTS
SAVED = {"history": [ROW], "best": {}, "prefix": []}


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ({"surprise": 1}, "another version"),
        ({"history": []}, "another version"),
        ({"history": [{"phase": "head"}]}, "another version"),
        ({"history": [ROW | {"phase": "all"}]}, "it stands in phase all"),
        ({"history": [ROW | {"learning_rates": {"head": 0.5}}]}, "learning rates {'head': 0.5}"),
    ],
)
def test_progress_of_something_else(tmp_path, saved, said):
    of_head = recipe(phases=[Phase("head", RATES)])
    assert loop._restored(SAVED, of_head, tmp_path).history == [ROW]
    with pytest.raises(UserError, match="cannot resume the checkpoint") as raised:
        loop._restored(SAVED | saved, of_head, tmp_path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_seal_does_not_change_what_it_seals(saved):
    sums = json.loads((saved / "model" / files.SEAL).read_text())
    assert files.SEAL not in sums
    files.seal(saved / "model")
    assert json.loads((saved / "model" / files.SEAL).read_text()) == sums
    assert files.damage(saved / "model") is None
