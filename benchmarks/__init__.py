"""How fast this project is, as ratios between contestants that take turns in one process; see scripts/benchmark.py."""
