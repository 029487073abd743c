"""The five classes, in the order that every table, array and file uses."""

LABELS = ("BACKGROUND", "BENIGN_Calc", "BENIGN_Mass", "MALIGNANT_Calc", "MALIGNANT_Mass")
"""The five classes, in the order of every table, column and array."""
BACKGROUND = LABELS.index("BACKGROUND")

#: What a label's name ends in, by type of abnormality.
SUFFIXES = {"mass": "Mass", "calcification": "Calc"}

#: Column heads where the full names do not fit; the paper's own abbreviations.
SHORT = dict(zip(LABELS, ("B", "BC", "BM", "MC", "MM"), strict=True))
