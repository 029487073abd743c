"""The report of a mammogram run: on a page, in a terminal, and as pictures."""
