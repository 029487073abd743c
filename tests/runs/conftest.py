"""Fixtures of these tests."""

from tests.quick_figures import quick_figures  # noqa: F401
