"""What a classifier of whole mammograms is worth: figures, baselines, maps, and what others say."""
