"""From patches to whole mammograms: a finished patch run becomes a classifier of whole views."""
