"""The digest in a message that refuses other content."""

import re


def digest_in(message: str) -> str:
    (digest, *_) = re.findall(r"\b[0-9a-f]{64}\b", message)
    return str(digest)
