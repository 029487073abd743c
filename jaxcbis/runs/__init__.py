"""One run from its folder to its report, and a finished one read back."""
