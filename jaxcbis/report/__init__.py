"""How a run is written down and shown: results.json, tables, figures, the HTML report."""
