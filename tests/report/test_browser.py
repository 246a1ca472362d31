"""The page in a real browser: headless Chromium sorts, filters, drills down, prints and is as narrow as a phone."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from mixupe.report.page import render
from tests.report.conftest import Tables

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
    *("disable-background-networking", "disable-component-update", "disable-sync"),
)
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None,
        reason="needs chromium and chromedriver (Debian: apt-get install chromium chromium-driver)",
    ),
]


@pytest.fixture(scope="module")
def html(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(tables), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.implicitly_wait(5)  # records are inflated when they are asked for
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: webdriver.Chrome, html: Path) -> Iterator[webdriver.Chrome]:
    """The page, freshly loaded; afterwards its console must be empty."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get(html.as_uri())
    yield browser
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def element(page: webdriver.Chrome, selector: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, selector)


def column(page: webdriver.Chrome, number: int) -> list[str]:
    """Texts of a column of the toy table's rows that are shown."""
    cells = page.find_elements(By.CSS_SELECTOR, f"#toy table:first-of-type tr:not(.below) > td:nth-child({number})")
    first = element(page, "#toy table").find_elements(By.CSS_SELECTOR, "tbody tr")
    return [cell.text for cell in cells[: len(first)] if cell.is_displayed()]


def open_record(page: webdriver.Chrome) -> WebElement:
    """The first seed's record of the first number, opened."""
    element(page, "#toy button[data-entry]").click()
    summary = element(page, "#toy .panel details summary")
    summary.click()
    return element(page, "#toy .panel details")


def test_a_column_sorts_up_down_and_back_by_keyboard(page: webdriver.Chrome) -> None:
    head = element(page, "#toy th:nth-child(3)")
    before = column(page, 3)
    numbers = sorted(float(text.split()[0]) for text in before)
    for state, expected in (("ascending", numbers), ("descending", numbers[::-1])):
        head.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
        assert head.get_attribute("aria-sort") == state
        assert [float(text.split()[0]) for text in column(page, 3)] == expected
    head.find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert head.get_attribute("aria-sort") is None
    assert column(page, 3) == before


def test_names_sort_as_text(page: webdriver.Chrome) -> None:
    element(page, "#toy th:first-child button").click()
    names = column(page, 1)
    assert names == sorted(names)


def test_words_filter_rows(page: webdriver.Chrome) -> None:
    field = element(page, "#toy .filter input")
    field.send_keys("mlp VEH")
    assert column(page, 1) == ["vehicle"]
    assert element(page, "#toy .filter [role=status]").text == "1 of 8 rows"
    field.send_keys("x")
    assert column(page, 1) == []
    field.send_keys(Keys.BACKSPACE * 8)
    assert len(column(page, 1)) == 8


def test_a_number_leads_to_its_records(page: webdriver.Chrome) -> None:
    record = open_record(page)
    text = record.text
    assert "133fd8c461cd8d9dfc7b25d2446a226d4cae535b, clean tree" in text
    assert "torch 2.11.0" in text
    assert "6.5 s, finished" in text
    assert "A processor" in text
    charts = record.find_elements(By.CSS_SELECTOR, "svg.chart")
    assert [chart.find_element(By.CSS_SELECTOR, ".name").text for chart in charts] == [
        *("train loss (nats)", "validation loss (nats)", "validation error (%)")
    ]
    assert [len(chart.find_elements(By.CSS_SELECTOR, "polyline.other")) for chart in charts] == [2, 2, 2]
    record.find_element(By.CSS_SELECTOR, "details > details > summary").click()
    config = record.find_element(By.TAG_NAME, "pre").text.splitlines()
    assert 'augmentation.name: "none"' in config
    assert "seed: 0" in config
    button = element(page, "#toy button[data-entry]")
    assert button.get_attribute("aria-expanded") == "true"
    element(page, "#toy .panel .close").click()
    assert button.get_attribute("aria-expanded") == "false"
    assert page.switch_to.active_element == button
    assert not page.find_elements(By.CSS_SELECTOR, ".panel")


def test_an_open_panel_stays_below_its_row(page: webdriver.Chrome) -> None:
    element(page, "#toy button[data-entry]").click()
    title = element(page, "#toy .panel h3").text
    element(page, "#toy th:nth-child(3) button").click()
    element(page, "#toy th:nth-child(3) button").click()
    above = page.execute_script(
        "return document.querySelector('#toy .below').previousElementSibling.cells[0].textContent"
    )
    assert title.startswith(above)
    element(page, "#toy .filter input").send_keys("no such row")
    assert not element(page, "#toy .panel").is_displayed()


def test_a_link_opens_its_run(page: webdriver.Chrome) -> None:
    element(page, "#hunt .runs > summary").click()
    link = page.find_elements(By.CSS_SELECTOR, "#hunt .runs a")[-1]
    selector = f"#hunt [data-run='{link.text}']"
    link.click()
    opened = element(page, selector)
    assert opened.get_attribute("open") is not None
    assert "commit" in opened.text
    page.refresh()
    assert element(page, selector).get_attribute("open") is not None, "the address is enough"


def test_a_missing_run_says_why(page: webdriver.Chrome) -> None:
    page.find_elements(By.CSS_SELECTOR, "#toy button[data-entry]")[1].click()
    assert "seed 2: FAILED, loss is nan </script><img" in element(page, "#toy .panel .gap").text


def test_a_phone_shows_it_without_scrolling_the_page_sideways(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    open_record(page)
    element(page, "#toy .runs > summary").click()
    assert page.execute_script("return innerWidth") == 390
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    panel = element(page, "#toy .panel")
    assert panel.rect["x"] >= 0
    wide = (
        "return [...document.querySelectorAll('figure .box')].filter((box) => box.scrollWidth > box.clientWidth).length"
    )
    assert page.execute_script(wide) == 0, "no figure needs scrolling sideways"
    assert panel.rect["x"] + panel.rect["width"] <= 390, "an open record needs no scrolling sideways either"


def test_all_pictures_are_drawn(page: webdriver.Chrome) -> None:
    widths = page.execute_script("return [...document.images].map((image) => image.naturalWidth)")
    assert len(widths) == 5, "differences, errors, two pages of curves; eta"
    assert min(widths) > 300


def test_it_prints(page: webdriver.Chrome) -> None:
    pdf = base64.b64decode(page.print_page())
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 50_000


def test_nothing_is_asked_of_the_network(page: webdriver.Chrome, html: Path) -> None:
    loaded = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
