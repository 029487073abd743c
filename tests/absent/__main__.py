import re
import tomllib
from pathlib import Path

from tests.absent import NOT_NEEDED

ROOT = Path(__file__).resolve().parents[2]

with (ROOT / "pyproject.toml").open("rb") as file:
    requirements = tomllib.load(file)["project"]["dependencies"]
for requirement in (*requirements, "pytest>=8", "pytest-xdist>=3.6"):
    if re.match(r"[\w.-]+", requirement)[0] not in NOT_NEEDED:
        print(requirement)
