"""What an error of a library says, on one line."""


def one_line(error: object) -> str:
    """All of it."""
    return " ".join(str(error).split()).rstrip(".:") or type(error).__name__


def first_line(error: object) -> str:
    """What it begins with: some go on with advice on other programs."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
