"""A comparison's tables."""

from benchmarks.quality import report as quality_report
from jaxcbis.machine.console import console


def test_tables_fit_80_columns_and_show_what_only_one_side_did():
    def history(epochs, loss):
        return [
            {"phase": phase, "epoch": e, "train_loss": loss if e else None, "val_loss": loss,
             "seconds": 1234.5}
            for phase, count in epochs.items()
            for e in range(count + 1)
        ]  # fmt: skip

    sides = {
        side: {"name": "PyTorch 2.13.0+cu130, gpu, eager, channels_last", "history": past,
               "seconds": {"train": 12345.6, "test": 1.0, "maps": 1.0}}
        for side, past in (
            ("ours", history({"head": 1, "layer4": 2}, 10.12345)),
            ("peer", history({"head": 3, "layer4": 1}, 1.5)),
        )
    }  # fmt: skip
    row = {"ours": 0.5, "peer": 0.25, "difference": 0.25, "ci95": [-0.125, 0.5]}
    missing = dict.fromkeys(row)
    content = sides | {
        "config": {"backbone": "resnet50", "strategy": "s1"},
        "figures": {"accuracy": row, "ll_score": missing},
        "agreement": 0.875,
    }
    shown = [(phase, epoch) for phase, epoch, _ in quality_report.epochs(content)]
    heads, layers = [("head", e) for e in range(4)], [("layer4", e) for e in range(3)]
    assert shown == heads + layers
    with console.capture() as capture:
        for table in quality_report.tables(content):
            console.print(table, width=200)
    text = capture.get()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "+0.250" in text
    assert "-0.125 to +0.500" in text
    assert "None" not in text
    assert "nan" not in text
