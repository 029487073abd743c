from jaxcbis.training import early_stopping
from jaxcbis.training.early_stopping import Stopping


def waited(losses, min_delta=0.01, start=1.0):
    state, seen = Stopping(start), []
    for loss in losses:
        state = early_stopping.update(state, loss, min_delta)
        seen.append(state.waited)
    return seen


def test_a_loss_must_undercut_the_reference_by_more_than_the_minimum():
    assert waited([0.98, 0.975, 0.97, 0.965]) == [0, 1, 2, 0]


def test_small_steps_do_not_move_the_reference():
    assert waited([0.995, 0.992, 0.985]) == [1, 2, 0]


def test_a_loss_that_is_no_number_is_no_improvement():
    assert waited([float("nan"), 0.5]) == [1, 0]
