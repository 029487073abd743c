"""Drawings of whole runs in less time, for tests that look at something else.

Their layout takes most of their time; tests/report asks how they look.
"""

from collections.abc import Iterator

import pytest

from jaxcbis.report.figures import saving


@pytest.fixture(scope="package", autouse=True)
def quick_figures() -> Iterator[None]:
    """Figures with everything where matplotlib puts it at first."""
    png = saving.png

    def without_layout(path, figure, *dpi):
        figure.set_layout_engine("none")
        png(path, figure, *dpi)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "png", without_layout)
        yield
