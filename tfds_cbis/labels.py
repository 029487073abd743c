"""The five classes of patches, in the order of their numbers."""

LABELS = ("BACKGROUND", "BENIGN_Calc", "BENIGN_Mass", "MALIGNANT_Calc", "MALIGNANT_Mass")
BACKGROUND = LABELS.index("BACKGROUND")

#: What a label's name ends in, by type of abnormality.
SUFFIXES = {"mass": "Mass", "calcification": "Calc"}
