"""Transfer learning: what is trained when, how fast, and the loop that does it."""
