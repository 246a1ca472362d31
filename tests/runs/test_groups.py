import numpy as np
import pandas as pd

from mixupe.runs.groups import Groups, _for_people


def test_equal_differences_have_no_interval_and_no_minus_zero() -> None:
    """Two methods that make the same mistakes with every seed: the t interval would have no width."""
    first = {"group": "none", "n": 3, "mean": 4.0, "std": 1.0, "delta": np.nan, "pairs": 0}
    second = {"group": "mixup", "n": 3, "mean": 4.0, "std": 1.0, "delta": -0.0, "p_value": 1.0, "pairs": 3}
    third = {**second, "group": "mixupe", "delta": -0.001, "ci_low": -0.004, "ci_high": 0.002}
    _, body = _for_people(Groups("", pd.DataFrame([first, second, third]), ()))
    assert [row[4:] for row in body] == [["", "", ""], ["+0.00", "", "1.000"], ["+0.00", "+0.00, +0.00", "1.000"]]
