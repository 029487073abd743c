"""Gathers finished runs on whole mammograms into docs/results/mammograms.json.

python docs/making/mammograms.py DIR..

`jaxcbis findings docs` then makes findings-mammograms.md of it, which has the commands of the runs.
The patch runs behind them, with --seed 0 and --seed 1, and ImageNet weights of Keras as FILE:

python run.py --data PATH --protocol shifted --look-weight 1 --image-size 64 --output-stride 16
    --weights FILE --epochs 4 --patience 2
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
