"""The documents on what the patch model looks at, from results of studies and audits."""

from jaxcbis.findings.documents import write

__all__ = ["write"]
