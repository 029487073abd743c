"""The package's compiled functions as they come out for an H100, on a machine that has none."""
