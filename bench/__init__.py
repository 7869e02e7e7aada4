"""Benchmarks: figures from one run on one machine, as ratios against a baseline measured beside them."""
