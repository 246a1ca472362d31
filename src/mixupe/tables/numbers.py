"""Numbers of tables for people: two places, and `-` where there is none."""

import math


def number_text(value: float, form: str = ".2f") -> str:
    """In that format; `-` for NaN."""
    return "-" if math.isnan(value) else format(value, form)


def p_value_text(value: float) -> str:
    """`<0.001` or three places."""
    return "<0.001" if value < 0.001 else number_text(value, ".3f")


def interval_text(low: float, high: float) -> str:
    """`[-0.30, +0.10]`; `-` for NaN."""
    return "-" if math.isnan(low) else f"[{low:+z.2f}, {high:+z.2f}]"


def difference_text(difference: float, low: float, high: float, mark: str = "") -> str:
    """`-0.10 [-0.30, +0.10]`, without the interval where there is none; `mark` follows the difference."""
    interval = "" if math.isnan(low) else f"{mark} {interval_text(low, high)}"
    return number_text(difference, "+z.2f") + interval
