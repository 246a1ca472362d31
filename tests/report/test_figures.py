"""Pictures are whole SVG documents inside the page."""

from urllib.parse import unquote
from xml.etree import ElementTree

from mixupe.report.figures import pictures
from mixupe.tables.build import evaluate
from tests.report.conftest import Tables


def test_a_picture_is_an_svg_document_in_a_data_uri(tables: Tables) -> None:
    search, runs = tables[0]
    (picture,) = pictures(search, evaluate(search, runs))
    assert picture.text.startswith("Error against eta")
    head, _, body = picture.uri.partition(",")
    assert head == "data:image/svg+xml"
    assert not set(body) & set('<>"#&\n'), "these would end the attribute or the URI"
    root = ElementTree.fromstring(unquote(body))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox", "").split()[2] == f"{picture.width * 0.75:g}", "72 points are 96 pixels"
