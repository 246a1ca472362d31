"""Pages that are one file: no network, no server, and no script but their own."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup


def render_page(package: str, allowed: str, scripts: Sequence[str] = (), **values: Any) -> str:
    """The package's `page.html` with its `page.css` and scripts inside; the same for the same values, to the byte.

    Args:
        package: such as `mixupe.report`.
        allowed: what else the page may hold, as its Content-Security-Policy says it: `img-src data:`.
        scripts: files of the package.
        values: what the template names, beside `style`, `script` and `policy`.
    """

    def part(name: str) -> str:
        return files(package).joinpath(name).read_text(encoding="utf-8")

    style, script = part("page.css"), "".join(map(part, scripts))
    policy = f"default-src 'none'; {allowed}; style-src '{_digest(style)}'"
    if scripts:
        policy += f"; script-src '{_digest(script)}'"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    inline = {"style": Markup(style), "script": Markup(script), "policy": policy}
    return environment.from_string(part("page.html")).render(**inline, **values) + "\n"


def _digest(text: str) -> str:
    """As a Content-Security-Policy names an inline part."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def data_uri(kind: str, content: bytes) -> str:
    """The content as an address, such as of `image/png`."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
