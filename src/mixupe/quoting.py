"""Command-line overrides as messages show them: ready to paste into a shell."""

import re
import shlex

# What Hydra's grammar reads as that very text without quotes.
_PLAIN = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_][A-Za-z0-9_./-]*", re.IGNORECASE)


def quoted(value: str) -> str:
    """The value in Hydra's quotes, which keep every character as it is."""
    # A backslash counts as one only before a quote.
    doubled = re.sub(r"(\\+)(?='|$)", r"\1\1", value)
    return "'" + doubled.replace("'", r"\'") + "'"


def plain_or_quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else quoted(value)


def shell_word(override: str) -> str:
    """The override as one word of a POSIX shell, in double quotes where they will do."""
    if shlex.quote(override) == override:
        return override
    return shlex.quote(override) if re.search(r'["$`!]|\\\\', override) else f'"{override}"'


def list_override(key: str, values: list[str]) -> str:
    """`dataset.drop=[id]`, as one word of a shell."""
    return shell_word(f"{key}=[{','.join(map(plain_or_quoted, values))}]")
