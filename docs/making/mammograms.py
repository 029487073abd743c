"""Gathers finished runs on whole mammograms into docs/results/mammograms.json.

python docs/making/mammograms.py DIR..

`jaxcbis findings docs` then makes findings-mammograms.md of it.
"""

import sys
from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.findings import gathering

FILE = Path(__file__).resolve().parents[1] / "results" / "mammograms.json"

if __name__ == "__main__":
    try:
        gathering.write([Path(folder) for folder in sys.argv[1:]], FILE)
    except UserError as error:
        sys.exit(str(error))
    print(FILE)
