"""Lines about training against the loop's own rules."""

import re

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
    assert [text.split()[-2:] for text in told] == [
        ["1.5000", "3"], ["1.0000", "3"],
        ["0.9950", "2"],  # lower, but by less than min_delta
        ["0.9950", "1"], ["0.9950", "3"], ["0.9000", "3"],
    ]  # fmt: skip
    assert told[0].split()[:4] == ["head", "0", "-", "-"]


def test_figures_stand_under_their_names():
    told = epoch_lines.line([row("layer4", 12, 1.23456)], 3, 0.01)
    names = re.split(r"\s{2,}", epoch_lines.HEAD)
    figures = ["layer4", "12", "1.0000", "0.500", "1.2346", "0.500", "1.2346", "3"]
    assert told.split() == figures
    ends = {name: epoch_lines.HEAD.rindex(name) + len(name) for name in names[1:]}
    assert told[: ends["best loss"]].endswith("  1.2346")
    assert told[: ends["val loss"]].endswith("  1.2346")
    assert told[: ends["epoch"]].endswith(" 12")
    assert len(told) == len(epoch_lines.HEAD) <= 80


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
