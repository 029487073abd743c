"""Trains, tests and scores one model: python run.py --backbone resnet50 --strategy s2"""

import sys

from jaxcbis.commands.main import start

if __name__ == "__main__":
    start(["train", *sys.argv[1:]])
