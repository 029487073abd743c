"""Pictures of a run, as PNG for print and as SVG for the page: a module for each."""
