"""Transfer learning on CBIS-DDSM breast-lesion patches in JAX."""

__version__ = "0.1.0"
