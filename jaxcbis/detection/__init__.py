"""Whole mammograms: windows all over them, and lesions found against false positives."""
