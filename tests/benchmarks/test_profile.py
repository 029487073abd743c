"""Shares of time: by hand on made-up spans, and of a real step."""

import json

import pytest

from benchmarks import profile
from benchmarks.__main__ import main
from benchmarks.profile import Span


def test_operations_at_work_together_share_the_time():
    spans = [Span(0, 10, "dot.1"), Span(5, 10, "fusion.1"), Span(15, 20, "dot.1")]
    kinds = {"dot.1": "matrix product", "fusion.1": "element-wise"}
    shares = profile.shares_of(spans, kinds)
    assert shares == pytest.approx(
        {"matrix product": 12.5 / 20, "element-wise": 2.5 / 20, "nothing": 5 / 20}
    )
    assert list(shares) == ["matrix product", "nothing", "element-wise"] or (
        list(shares) == ["matrix product", "element-wise", "nothing"]
    )


PROGRAM = """
  %convolution.3 = f32[2] convolution(%a, %b), metadata={op_name="jvp()/conv_general_dilated"}
  ROOT %dot.9 = f32[2] dot(%a, %b), metadata={op_name="jit(f)/transpose(jvp())/dot_general"}
  %transpose_copy_fusion.1 = f32[2] fusion(%a), kind=kLoop
  %wrapped_reduce.1 = f32[2] fusion(%a), metadata={op_name="jit(f)/transpose(jvp())/reduce_sum"}
  %add_fusion = f32[2] fusion(%a), metadata={op_name="jit(f)/transpose(jvp())/add_any"}
"""


def test_kinds_are_read_off_the_program():
    assert profile.kinds_of(PROGRAM) == {
        "convolution.3": "convolution",
        "dot.9": "matrix product, gradients",
        "transpose_copy_fusion.1": "transposing",
        "wrapped_reduce.1": "sums",
        "add_fusion": "element-wise, gradients",
    }


def test_a_real_step(tmp_path, capsys):
    file = tmp_path / "profile.json"
    small = ["--models", "resnet34", "--rows", "train_behind_prefix", "--batch", "2"]
    assert main(["profile", *small, "--image-size", "64", "--output", str(file)]) == 0
    (row,) = json.loads(file.read_text())["rows"]
    assert sum(row["shares"].values()) == pytest.approx(1)
    assert row["shares"]["matrix product"] > 0  # at 64 pixels the last stages are products
    assert row["seconds"] > 0
    assert "kind of operation" in capsys.readouterr().out
