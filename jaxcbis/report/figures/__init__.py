"""Pictures: figures of a run, and patches with their maps."""
