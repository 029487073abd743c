"""A release of CBIS-DDSM on the disk: its rows, its images and their masks.

What is here needs neither TFDS nor, for the Kaggle release, pydicom.
"""
