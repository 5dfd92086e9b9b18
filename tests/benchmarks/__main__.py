"""`python -m tests.benchmarks`: prints all tables."""

from __future__ import annotations

from flows.cli.console import show_table
from tests.benchmarks import demo, detectors, publish

if __name__ == "__main__":
    show_table(list(demo.rows()), title="The demo and the command line")
    show_table(list(detectors.rows()), title="Detectors: 300×300 px, 60 scenes, six bands, one core")
    show_table(list(publish.rows()), title="Products")
