"""Lines about training against the loop's own rules."""

from jaxcbis.training import epoch_lines


def row(phase, epoch, val_loss, seconds=1.0):
    return {
        "phase": phase, "epoch": epoch, "val_loss": val_loss, "val_accuracy": 0.5,
        "train_loss": 1.0 if epoch else None, "train_accuracy": 0.5 if epoch else None,
        "seconds": seconds,
    }  # fmt: skip


def test_best_and_patience_left():
    losses = [("head", 0, 1.5), ("head", 1, 1.0), ("head", 2, 0.995), ("head", 3, 1.2),
              ("layer4", 0, 0.995), ("layer4", 1, 0.9)]  # fmt: skip
    history = [row(*each) for each in losses]
    told = [epoch_lines.line(history[:end], 3, 0.01) for end in range(1, len(history) + 1)]
    assert [text.split("best ")[1] for text in told] == [
        "1.5000  left 3", "1.0000  left 3",
        "0.9950  left 2",  # lower, but by less than min_delta
        "0.9950  left 1", "0.9950  left 3", "0.9000  left 3",
    ]  # fmt: skip
    assert max(map(len, told)) <= 80


def test_estimate_is_measured_on_the_second_epoch():
    assert epoch_lines.estimate(row("head", 1, 1.0, 60), 50, 7) is None
    assert epoch_lines.estimate(row("head", 3, 1.0, 60), 50, 7) is None
    assert epoch_lines.estimate(row("head", 2, 1.0, 0.01), 50, 7) is None
    text = epoch_lines.estimate(row("head", 2, 1.0, 60.0), 50, 7)
    assert "60.0 s an epoch" in text
    assert "7 min to 48 min more" in text


def test_durations():
    assert [epoch_lines.duration(s) for s in (3.4, 89, 91, 3600, 7500)] == [
        "3 s", "89 s", "2 min", "60 min", "2 h 5 min",
    ]  # fmt: skip
