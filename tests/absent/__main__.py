import re
import sys
import tomllib
from pathlib import Path

from tests.absent import NOT_NEEDED

ROOT = Path(__file__).resolve().parents[2]

with (ROOT / "pyproject.toml").open("rb") as file:
    project = tomllib.load(file)["project"]
extras = [name for extra in sys.argv[1:] for name in project["optional-dependencies"][extra]]
tests = ("pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6")
for requirement in (*project["dependencies"], *tests, *extras):
    if re.match(r"[\w.-]+", requirement)[0] not in NOT_NEEDED:
        print(requirement)
