"""The tables of docs/benchmarks.md are those of the committed results."""

import json

import pytest

from benchmarks import tables
from benchmarks.__main__ import main
from jaxcbis.errors import UserError

MACHINE = {
    "hardware": {
        "backend": "cpu", "processor": "A processor", "host_cores": 2, "device": "cpu",
        "precision": "float32", "matmul_flops": {"jax": 1e11},
    },
    "versions": {"jax": "1.2", "torch": "3.4"},
}  # fmt: skip
ROW = {
    "row": "s2_epoch", "model": "vgg19", "batch": 16, "ours": 2.0, "peer": 5.0, "unit": "s",
    "ratio": 2.5, "target": 1.5, "spread": 0.04, "left_out": "without something",
    "ours_memory_mb": 812.3, "peer_memory_mb": 1900.0, "flops_share_ours": None,
    "flops_share_peer": None, "peer_name": "PyTorch 3.4, eager",
}  # fmt: skip
POINT = {
    "sweep": "batch", "model": "vgg19", "ours": 1.0, "peer": None, "prefix_s": None,
    "ours_memory_mb": 100.0, "peer_memory_mb": None,
}  # fmt: skip
SIDE = {"name": "PyTorch 3.4", "seconds": {"train": 2.0}, "history": []}
QUALITY = MACHINE | {
    "kind": "quality", "config": {"backbone": "vgg19", "strategy": "s2", "image_size": 112},
    "data": {"name": "demo"}, "agreement": 0.9, "ours": SIDE, "peer": SIDE,
    "figures": {"accuracy": {"ours": 0.75, "peer": 0.5, "difference": 0.25, "ci95": [0.1, 0.4]}},
}  # fmt: skip
FILES = {
    "a.json": MACHINE | {"kind": "rows", "rows": [ROW]},
    "b.json": MACHINE | {
        "kind": "scaling", "settings": {"size_of_swept_images": 64},
        "points": [POINT | {"at": 8}, POINT | {"at": 16, "ours": 2.5}],
        "slopes": [POINT | {"ours": 1.32, "ours_memory_mb": 0.0, "linear": 1}],
    },
    "c.json": QUALITY,
    "d.json": MACHINE | {
        "kind": "profile",
        "versions": MACHINE["versions"] | {"git_commit": "0123456789"},
        "rows": [{"row": "train_all", "model": "vgg19", "batch": 4, "seconds": 1.5,
                  "shares": {"convolution": 0.625, "sums": 0.375}}],
    },
}  # fmt: skip

VIEW = {
    "row": "step", "model": "vgg19", "precision": "float32", "height": 1152, "width": 896,
    "views": 2, "seconds": 9.0, "repetitions": 2, "memory_mb": 5000.0, "peak_mb": 6000.4,
    "reckoned_mb": 4800.0, "reason": None,
}  # fmt: skip
MISSING = {"seconds": None, "peak_mb": None}
MAMMOGRAMS = MACHINE | {
    "kind": "mammograms", "versions": MACHINE["versions"] | {"git_commit": "0123456789"},
    "rows": [
        VIEW,
        VIEW | {"row": "forward", "views": 1, "seconds": 1.5},
        VIEW | {"row": "cut", "model": None, "precision": None, "views": 1, "seconds": 0.25,
                "read_s": 0.5, "repetitions": 8},
        VIEW | MISSING | {"row": "step_kept", "reckoned_mb": 99000.0, "reason": "too large"},
        VIEW | {"row": "sweep", "views": 1, "seconds": 30.0, "windows": 400.0,
                "model": "resnet50", "height": None, "width": None},
        VIEW | {"row": "forward_two", "seconds": 2.5},
        VIEW | {"row": "forward", "height": 64, "width": 32, "views": 1, "seconds": 0.125},
    ],
}  # fmt: skip

GPU = {
    "hardware": MACHINE["hardware"] | {"backend": "gpu", "device": "A GPU"},
    "versions": {"jax": "1.2", "torch": None, "git_commit": "0123456789"},
}  # fmt: skip
PARITY = {
    "kind": "float32", "logits": 2e-6, "loss": 7e-7, "gradients": {"stem": 1e-3, "head": 1e-6},
    "bounds": {"logits": 1e-4, "loss": 1e-4, "gradients": 5e-3}, "ok": True,
}  # fmt: skip
TIMING = {
    "compile_s": 20.0, "train_s": 30.0, "evaluate_s": 2.0, "cam_s": 3.0,
    "train_images_per_s": 5000.0, "cam_images_per_s": 4000.0, "peak_memory_mb": 1234.0,
}  # fmt: skip
RUN = {
    "seconds": 40.0, "scores": {"accuracy": 0.75, "ll_score": None},
    "run": {
        "status": "finished", "timing": TIMING, "notes": ["not comparable", "no TensorBoard log"],
        "config": {"backbone": "vgg19", "strategy": "s1", "batch_size": 16},
        "history": [{"epoch": 0}, {"epoch": 1}, {"epoch": 2}, {"epoch": 0}, {"epoch": 1}],
    },
}  # fmt: skip
CUT = RUN | {"run": RUN["run"] | {"status": "interrupted", "timing": None, "history": None}}
SHARED = {"batch": 4, "image_size": 224}
GPU_FILES = {
    "gpu-machine.json": GPU | {
        "kind": "machine", "start_s": 4.0,
        "hardware": GPU["hardware"] | {
            "gpus": ["A GPU, 99 MiB"], "matmul_flops": {"float32": 5e13, "bfloat16": 7e14},
        },
    },
    "gpu-parity-one.json": GPU | {"kind": "parity", **SHARED, "rows": [PARITY | {"model": "one"}]},
    "gpu-parity-two.json": GPU | {
        "kind": "parity", **SHARED, "rows": [PARITY | {"model": "two", "ok": False}],
    },
    "gpu-profile-one.json": GPU | {
        "kind": "profile",
        "rows": [{"row": "train_all", "model": "one", "batch": 4, "steps": 4, "seconds": 0.003,
                  "shares": {"sums": 0.9, "nothing": 0.1}, "busy_s": 0.0027, "operations": 450.0,
                  "in_graphs": 0.5, "largest": []}],
    },
    "gpu-rows-one-a.json": GPU | {"kind": "rows", "rows": [ROW]},
    "gpu-rows-one-b.json": GPU | {"kind": "rows", "rows": [ROW | {"row": "forward"}]},
    "gpu-run-one.json": GPU | {"kind": "run", "rows": [RUN]},
    "gpu-run-two.json": GPU | {"kind": "run", "rows": [CUT]},
    "gpu-study.json": GPU | {
        "kind": "study", "seconds": 90.0, "planned": 24, "done": 2,
        "runs": [{"status": "finished", "timing": TIMING, "epochs": n} for n in (4, 6)]
        + [{"status": "interrupted", "timing": None, "epochs": 1}],
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    for name, content in FILES.items():
        (tmp_path / "results" / name).write_text(json.dumps(content))
    (tmp_path / "docs").mkdir()
    (tmp_path / tables.PAGE).write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "RESULTS", tmp_path / "results")
    return tmp_path


def test_tables_of_every_file_stand_between_the_marks(folder, capsys):
    assert main(["tables", "--check"]) == 2
    assert "run python -m benchmarks tables" in capsys.readouterr().err
    assert main(["tables"]) == 0
    assert main(["tables", "--check"]) == 0
    text = (folder / tables.PAGE).read_text()
    assert text.startswith(f"before\n{tables.BEGIN}\n\n### Speed, row by row\n\n**A processor, 2 c")
    assert text.endswith(f"\n\n{tables.END}\nafter\n")
    assert "old" not in text
    assert "| s2_epoch (1) | vgg19 | 16 | 2 | 5 | s | 2.5 | 1.5 | 4% | 812/1900 |  |" in text
    assert "- (1) without something" in text
    assert "- the peer is PyTorch 3.4, eager: s2_epoch vgg19\n" in text
    assert "| accuracy | 0.750 | 0.500 | +0.250 | +0.100 to +0.400 |" in text
    assert "- vgg19, S2, 112 pixels, demo" in text
    assert "| convolution | 62.5% |" in text
    assert "- commit 0123456" in text
    assert "| batch | vgg19 | 16 | 2.5 (1.32) |  |  | 100 (0.00) |  |" in text


def test_files_of_a_gpus_session_share_tables(tmp_path):
    for name, content in GPU_FILES.items():
        (tmp_path / name).write_text(json.dumps(content))
    text = tables.tables(tmp_path)
    assert text.count("**A GPU**") == 6, "one table of each kind"
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "| 50 | 700 | 4 |" in rows
    assert "- A GPU, 99 MiB" in text
    worst = "1.0e-03 in stem (0.005)"
    assert f"| one | float32 | 2.0e-06 (0.0001) | 7.0e-07 (0.0001) | {worst} | ok |" in rows
    assert f"| two | float32 | 2.0e-06 (0.0001) | 7.0e-07 (0.0001) | {worst} | off |" in rows
    assert "| of them in CUDA graphs | 50% |" in rows
    assert "| of them at work | 0.0027 |" in rows
    assert "| vgg19, S1 | 16 | 3 | 40 | 20 | 30 | 2 | 3 | 5000 | 4000 | 1234 | 0.75 |  |" in rows
    assert "| vgg19, S1 (interrupted) | 16 | 0 | 40 |  |  |  |  |  |  |  | 0.75 |  |" in rows
    assert "| 2 | 90 | 45 | 30 | 20 | 5 |" in rows
    assert text.count("- not comparable\n") == 1, "two runs say so"
    assert "TensorBoard" not in text
    assert "- cut at 90 s, with 2 of its 24 planned runs done\n" in text
    assert "- the peer is PyTorch 3.4, eager: s2_epoch vgg19, forward vgg19\n" in text
    assert "(`gpu-rows-one-a.json`, `gpu-rows-one-b.json`)" in text


def test_whole_mammograms_have_a_line_for_each_size(tmp_path):
    (tmp_path / "cpu-mammograms.json").write_text(json.dumps(MAMMOGRAMS))
    lines = tables.tables(tmp_path).splitlines()
    assert lines[0] == "### Whole mammograms"
    full = "| 1152 x 896 | vgg19 | float32 | 0.25 | 1.5/1.25 |  |  | 4.5/- | 6000/- | 4800/99000 |"
    assert [line for line in lines if line.startswith("| ")][2:] == [
        full, "| 64 x 32 | vgg19 | float32 |  | 0.125/- |  |  |  |  |  |",
    ]  # fmt: skip
    assert "- not measured, too large: step_kept (vgg19 float32 1152 x 896)" in lines
    assert "- sweep of a patch run, resnet50 in float32: 30 s a mammogram of 400 windows" in lines
    assert any(line.startswith("- cut: without reading the mammogram, 0.5 s") for line in lines)


def test_how_far_a_study_came():
    study = {"seconds": 90.0, "done": 2, "runs": [{}, {}, {}]}
    assert tables._came_to(study) == "cut at 90 s, with 2 of its 3 runs begun done"
    assert tables._came_to(study | {"planned": 2}) == "the whole study: all 2 runs"


def test_what_is_no_result_or_has_no_marks_is_one_line(folder, capsys):
    (folder / "results" / "e.json").write_text('{"kind": "other"}')
    assert main(["tables"]) == 2
    assert "e.json: expected results" in capsys.readouterr().err
    for text in ("none", f"{tables.END} {tables.BEGIN}", f"{tables.BEGIN} {tables.BEGIN}"):
        with pytest.raises(UserError, match="once each"):
            tables.fill(text, "")


def test_the_page_is_that_of_the_committed_results():
    if not list(tables.RESULTS.glob("*.json")):
        pytest.skip("no results are committed")
    assert main(["tables", "--check"]) == 0
