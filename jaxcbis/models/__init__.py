"""The four backbones as named stages, and the files that their weights come from."""
