"""The people and the deletions that `benchmarks/retraining.py` measures."""
