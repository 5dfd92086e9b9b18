"""Benchmarks: what a run costs, as ratios to a baseline that is measured in the same run."""
