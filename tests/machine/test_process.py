"""What a process of ours starts with."""

import pytest

from jaxcbis.machine import process


@pytest.mark.parametrize(
    ("words", "environment", "gpu", "wanted"),
    [
        ([], {}, False, True),
        ([], {}, True, False),
        (["--device", "cpu"], {}, True, True),
        (["--device=cpu"], {}, True, True),
        (["--device", "gpu"], {}, True, False),
        ([], {"JAX_PLATFORMS": "cpu"}, True, True),
        ([], {"GLIBC_TUNABLES": "the user's"}, False, False),
    ],
)
def test_glibc_is_set_up_only_where_a_cpu_computes(words, environment, gpu, wanted):
    assert process.wants_other_allocator(["run.py", *words], environment, gpu) == wanted
