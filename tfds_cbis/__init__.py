"""CBIS-DDSM patches and whole mammograms as a TFDS data set, prepared and read without TensorFlow.

Importing this package registers `cbis_ddsm_patches` with `tfds.builder`. Where TFDS is not
installed, `tfds_cbis.release` reads releases all the same.
"""

from importlib.util import find_spec

__all__ = []

if find_spec("tensorflow_datasets") is not None:
    from tfds_cbis.cbis_ddsm_patches.cbis_ddsm_patches_dataset_builder import Builder
    from tfds_cbis.prepare import prepare, prepare_mammograms, summary

    __all__ += ["Builder", "prepare", "prepare_mammograms", "summary"]
