"""A virtual school, made from a seed: its past, its present and its truth. See docs/simulator.md."""
