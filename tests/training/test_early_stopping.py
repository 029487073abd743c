"""When an epoch counts as an improvement."""

from jaxcbis.training import early_stopping


def waited(losses, min_delta=0.01, start=1.0):
    """What has been waited behind each epoch."""
    ends = range(1, len(losses) + 1)
    return [early_stopping.waited([start, *losses[:end]], min_delta) for end in ends]


def test_a_loss_must_undercut_the_reference_by_more_than_the_minimum():
    assert waited([0.98, 0.975, 0.97, 0.965]) == [0, 1, 2, 0]


def test_small_steps_do_not_move_the_reference():
    assert waited([0.995, 0.992, 0.985]) == [1, 2, 0]


def test_a_loss_that_is_no_number_is_no_improvement():
    assert waited([float("nan"), 0.5]) == [1, 0]


def test_nothing_is_waited_for_before_the_first_epoch():
    assert early_stopping.waited([1.0], 0.01) == 0
