"""What a protocol is worth, and how far to trust the maps."""
