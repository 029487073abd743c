"""Shares of time, by hand on made-up spans."""

import pytest
from jax.profiler import ProfileData

from benchmarks.speed import trace
from benchmarks.speed.trace import Span


def test_operations_at_work_together_share_the_time():
    spans = [Span(0, 10, "dot.1"), Span(5, 10, "fusion.1"), Span(15, 20, "dot.1")]
    kinds = {"dot.1": "matrix product", "fusion.1": "element-wise"}
    shares = trace.shares_of(spans, kinds)
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
  %custom-call.1 = (f32[2]) custom-call(%a, %b), custom_call_target="__cudnn$convForward"
  %custom-call.2 = (f32[2]) custom-call(%a, %b), custom_call_target="__cudnn$convBackwardFilter"
  %custom-call.3 = (f32[2]) custom-call(%a, %b), custom_call_target="__cublas$lt$matmul"
  %custom-call.4 = f32[2] custom-call(%a), custom_call_target="__cub$DeviceRadixSort"
  %add_fusion = f32[2] fusion(%a), metadata={op_name="jit(f)/transpose(jvp())/add_any"}
"""


def test_kinds_are_read_off_the_program():
    assert trace.kinds_of(PROGRAM) == {
        "convolution.3": "convolution",
        "dot.9": "matrix product, gradients",
        "transpose_copy_fusion.1": "transposing",
        "wrapped_reduce.1": "sums",
        "custom-call.1": "convolution",
        "custom-call.2": "convolution, gradients",
        "custom-call.3": "matrix product",
        "custom-call.4": "other",
        "add_fusion": "element-wise, gradients",
    }


def profiled(events):
    """A GPU's trace of (kernel, operation, JAX operation, module, start, length, in a graph)."""
    names = ("hlo_op", "name", "hlo_module", "cuda_graph_id")
    ids = "".join(
        f'stat_metadata {{ key: {i} value {{ id: {i} name: "{name}" }} }}'
        for i, name in enumerate(names, 1)
    )
    kernels = list(dict.fromkeys(event[0] for event in events))
    kinds = "".join(
        f'event_metadata {{ key: {i} value {{ id: {i} name: "{name}" }} }}'
        for i, name in enumerate(kernels, 1)
    )
    lines = ""
    for kernel, operation, told, module, start, length, graph in events:
        given = (operation, told, module)
        stats = "".join(
            f'stats {{ metadata_id: {i} str_value: "{text}" }}'
            for i, text in enumerate(given, 1)
            if text
        )
        stats += "stats { metadata_id: 4 uint64_value: 7 }" if graph else ""
        lines += (
            f"events {{ metadata_id: {kernels.index(kernel) + 1} offset_ps: {start * 1000} "
            f"duration_ps: {length * 1000} {stats} }}"
        )
    plane = (
        f'planes {{ name: "/device:GPU:0" lines {{ name: "Stream #14" {lines} }} {kinds} {ids} }}'
    )
    host = 'planes { name: "/host:CPU" lines { name: "python3" } }'
    return ProfileData.from_text_proto(plane + host)


def test_kernels_of_a_gpu_are_told_by_their_operation():
    forward, back = (
        "jit(f)/jvp()/conv_general_dilated",
        "jit(f)/transpose(jvp())/conv_general_dilated",
    )
    step = "jit_train_steps"
    spans, kinds = trace.gpu_spans(
        profiled(
            [
                ("sm90_fprop", "cudnn-conv.1", forward, step, 0, 100, False),
                ("sm90_wgrad", "cudnn-conv-bw-filter.2", back, step, 100, 300, True),
                ("multiply_reduce_fusion_1", "multiply_reduce_fusion.1", "", step, 500, 400, True),
                ("nvjet", "cublas-lt-matmul.3", "", step, 900, 50, False),
                ("MemcpyD2D", "copy.9", "", step, 950, 50, False),
                ("loop_fusion", "loop_fusion", "", "jit_dynamic_slice", 5000, 100, False),
            ]
        )
    )
    assert kinds == {
        "cudnn-conv.1": "convolution",
        "cudnn-conv-bw-filter.2": "convolution, gradients",
        "multiply_reduce_fusion.1": "sums",
        "cublas-lt-matmul.3": "matrix product",
        "copy.9": "transposing",
    }
    found = trace.described(spans, kinds, count=2)
    assert found["shares"] == pytest.approx(
        {
            "sums": 0.4, "convolution, gradients": 0.3, "convolution": 0.1, "nothing": 0.1,
            "matrix product": 0.05, "transposing": 0.05,
        }
    )  # fmt: skip
    assert found["busy_s"] == pytest.approx(450e-9), "of one of two steps"
    assert (found["operations"], found["in_graphs"]) == (2.5, 0.4)
    assert found["largest"][0] == {
        "operation": "multiply_reduce_fusion.1", "kind": "sums", "count": 1,
        "seconds": pytest.approx(400e-9),
    }  # fmt: skip


def test_a_trace_without_a_gpu_has_no_kernels():
    assert trace.gpu_spans(ProfileData.from_text_proto('planes { name: "/host:CPU" }')) == (
        [],
        {},
    )
