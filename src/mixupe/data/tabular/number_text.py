"""Numbers as people and spreadsheets write them: `1,304`, `-$5.20`, `$-5.20`, `12 %`."""

import re

import numpy as np
import pandas as pd

_CURRENCY = "$€£¥₹"
_SIGN_AFTER_CURRENCY = rf"^([{_CURRENCY}]) ?([+-])"  # `$-5.20`, as `-$5.20`
# What typesetters and locales write for the minus, the space and the apostrophe.
_ASCII = str.maketrans({"−": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'"})  # noqa: RUF001


def parse_numbers(text: pd.Series, decimal: str, thousands: str | None) -> tuple[pd.Series, frozenset[str]]:
    """What the cells say, and in which units.

    Args:
        text: N stripped texts, NaN where there is none.
        decimal: the decimal mark, `.` or `,`.
        thousands: the mark between groups of three digits; None is the other one of `.` and `,`.

    Returns:
        N float64, a percentage as hundredths, NaN where the cell is no number; and the signs (`%`, `€`) beside them.
    """
    pattern = _pattern(decimal, thousands or {".": ",", ",": "."}[decimal])
    # Most texts are categories, which are few.
    codes, distinct = pd.factorize(text)
    written = pd.Series(distinct, dtype="object").str.translate(_ASCII)
    parts = written.str.replace(_SIGN_AFTER_CURRENCY, r"\2\1", regex=True).str.extract(pattern)
    digits = parts["whole"].str.replace(r"\D", "", regex=True) + parts["rest"].str.replace(decimal, ".", regex=False)
    numbers = pd.to_numeric(parts["sign"] + digits, errors="coerce").astype("float64")
    numbers = numbers.where(parts["after"] != "%", numbers / 100)
    is_number = np.isfinite(numbers)
    units = {*parts["before"][is_number], *parts["after"][is_number]} - {""}
    cells = np.append(numbers.where(is_number).to_numpy(), np.nan)[codes]  # the code of a missing text is -1
    return pd.Series(cells, index=text.index), frozenset(units)


def _pattern(decimal: str, thousands: str) -> str:
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+"
    point = re.escape(decimal)
    number = rf"(?P<whole>{grouped}|\d+|(?={point}\d))(?P<rest>(?:{point}\d*)?(?:[eE][+-]?\d+)?)"
    return rf"^(?P<sign>[+-]?)(?P<before>[{_CURRENCY}]?) ?{number} ?(?P<after>[{_CURRENCY}%]?)$"
