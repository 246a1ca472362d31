"""Texts that mean that there is no value."""

# In any column.
MISSING_MARKERS = ("", "?", "<null>", "null", "NULL", "NA", "N/A", "NaN", "nan")
# Among numbers.
MARKS_AMONG_NUMBERS = (
    *MISSING_MARKERS,
    *("-", "--", "–", "—", ".", "..", "...", "<NA>", "#N/A", "#NA"),  # noqa: RUF001 - dashes as typed
    *("Null", "none", "None", "NONE", "NAN", "na", "n/a", "n.a.", "N.A."),
)
# As a label among texts; `None`, `NA` and the like may well be a class there.
NEVER_A_LABEL = ("", "?", "<null>", "<NA>", "nan", "NaN")
