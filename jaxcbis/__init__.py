"""Transfer learning on CBIS-DDSM breast-lesion patches in JAX."""

from typing import TYPE_CHECKING, Any

from jaxcbis.labels import LABELS

if TYPE_CHECKING:
    from jaxcbis.api import explain, export, load, predict, read_image, sweep

__version__ = "0.1.0"
__all__ = ["LABELS", "explain", "export", "load", "predict", "read_image", "sweep"]


def __getattr__(name: str) -> Any:
    """Loads JAX and the rest only for who asks for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jaxcbis import api

    return getattr(api, name)
