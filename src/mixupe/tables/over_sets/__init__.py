"""A verdict over many data sets: ranks, a hierarchical model with a region of practical equivalence, and power."""
