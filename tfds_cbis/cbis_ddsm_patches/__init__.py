"""The TFDS data set `cbis_ddsm_patches`."""
