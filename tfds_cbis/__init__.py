"""CBIS-DDSM patches as a TFDS data set, prepared and read without TensorFlow.

Importing this package registers `cbis_ddsm_patches` with `tfds.builder`.
"""

from tfds_cbis.cbis_ddsm_patches.cbis_ddsm_patches_dataset_builder import Builder
from tfds_cbis.prepare import prepare, summary

__all__ = ["Builder", "prepare", "summary"]
