import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from records import dabancheng, failed
from test_evidence import reader

from flows.ledger import Ledger
from flows.publish import publish
from flows.publish.site import script_json

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("site")
    ledger = Ledger.at(outputs)
    for record in (dabancheng(), failed()):
        ledger.save(record)
    ledger.begin_run({"detectors": ["footprints", "perimeter"]})
    publish(ledger, outputs, reader)
    ledger.close()
    return outputs


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
    if CHROMIUM is None:
        pytest.skip("Chromium isn't installed (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, folder):
    """The map page, opened from disk; whatever it complains of fails the test."""
    made = browser.new_page(viewport={"width": 1300, "height": 900})
    complaints = []
    made.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("requestfailed", lambda request: complaints.append(request.url))
    made.on("dialog", lambda dialog: complaints.append(f"script ran: {dialog.message}"))
    made.on(
        "request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(("file:", "blob:")) else None
    )
    made.goto((folder / "site" / "index.html").as_uri())
    made.wait_for_selector("html[data-ready]")
    yield made
    made.close()
    assert complaints == []


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_text_from_a_catalogue_makes_no_element(folder):
    for path in (folder / "site").rglob("*.html"):
        tags = _Tags()
        tags.feed(path.read_text(encoding="utf-8"))
        scripts = [attributes.get("src") for tag, attributes in tags.found if tag == "script"]
        assert all(scripts), path
        assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]


def test_pages_load_nothing_from_elsewhere(folder):
    for path in (folder / "site").rglob("*.html"):
        assert not re.search(r'(src|href)="(https?:)?//', path.read_text(encoding="utf-8")), path


def test_data_can_not_close_its_script(folder):
    text = (folder / "site" / "data.js").read_text(encoding="utf-8")
    assert "<" not in text.split("=", 1)[1]
    assert json.loads(script_json("</script>\u2028")) == "</script>\u2028"


def test_every_link_to_a_file_leads_somewhere(folder):
    for path in (folder / "site").rglob("*.html"):
        tags = _Tags()
        tags.feed(path.read_text(encoding="utf-8"))
        for _, attributes in tags.found:
            for name in ("src", "href"):
                target = (attributes.get(name) or "").partition("#")[0]
                if target and not target.startswith("data:"):
                    assert (path.parent / target).resolve().is_file(), (path, target)


def test_the_list_opens_a_change_with_its_sentence_and_images(page):
    page.click("#list button >> nth=0")
    assert "consistent with the construction of buildings" in page.inner_text("#detail blockquote")
    assert page.url.endswith("#change=aspi-0050-mrtkqwza")
    page.wait_for_load_state("networkidle")
    assert (
        page.locator(".half img").evaluate_all("images => images.map((image) => image.naturalWidth > 0)") == [True] * 2
    )
    slider = page.locator(".swipe input[type=range]")
    slider.focus()
    page.keyboard.press("End")
    assert page.locator(".half").nth(1).evaluate("half => half.style.clipPath") == "inset(0px 0px 0px 100%)"
    page.locator(".swipe .frame").screenshot()


def test_filters_narrow_the_list_and_stay_in_the_address(page):
    assert page.inner_text("#count").startswith("2 of 3 changes")
    page.check("input[name=status][value=withdrawn]")
    assert page.inner_text("#count").startswith("3 of 3 changes")
    page.fill("input[name=to]", "2018-01-01")
    assert page.inner_text("#count").startswith("0 of 3 changes")
    page.fill("input[name=to]", "2018-04-01")
    assert page.inner_text("#count").startswith("3 of 3 changes")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.input_value("input[name=to]") == "2018-04-01"
    assert page.inner_text("#count").startswith("3 of 3 changes")
    page.click("button[type=reset]")
    page.wait_for_timeout(100)
    assert page.inner_text("#count").startswith("2 of 3 changes")


def test_confidence_leaves_out_what_is_not_calibrated(page):
    page.locator("input[name=confidence]").fill("0.5")
    assert page.inner_text("#count").startswith("1 of 3 changes")


def test_what_was_not_observed_is_told(page):
    page.click("#show-facilities")
    page.click("#list button >> nth=1")
    told = page.inner_text("#detail")
    assert "the archive did not answer after 4 attempts" in told
    assert "footprints: assessed in 0 of 16 months" in told
    assert "<script>alert(1)</script>" in told


def test_downloads_hold_exactly_what_is_filtered(page):
    page.click("#downloads summary")
    page.uncheck("input[name=type][value=building_added]")
    with page.expect_download() as caught:
        page.click("[data-download=geojson]")
    layer = json.loads(Path(caught.value.path()).read_text(encoding="utf-8"))
    assert [feature["id"] for feature in layer["features"]] == ["aspi-0050-pbvhsdla"]
    assert layer["features"][0]["properties"]["valid_from"] == "2018-04-29T05:06:07Z"


def test_downloaded_geojson_is_the_published_one(page, folder):
    page.check("input[name=status][value=withdrawn]")
    page.click("#downloads summary")
    with page.expect_download() as caught:
        page.click("[data-download=geojson]")
    published = json.loads((folder / "changes.geojson").read_text(encoding="utf-8"))
    assert json.loads(Path(caught.value.path()).read_text(encoding="utf-8")) == published


def test_a_permalink_opens_its_change(page, folder):
    page.goto((folder / "site" / "index.html").as_uri() + "?again#change=aspi-0050-uuivkxoe")
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#detail blockquote").startswith("Withdrawn:")


def test_nothing_sticks_out_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.click("#list button >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "index.html#change=aspi-0050-mrtkqwza",
        "index.html#facility=custom-0001",
        "about.html",
        "facility/aspi-0050.html",
    ],
)
def test_axe_finds_nothing_serious(browser, folder, name):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe isn't installed")
    page = browser.new_page(bypass_csp=True)
    page.goto((folder / "site" / "index.html").as_uri().replace("index.html", name))
    violations = axe.Axe().run(page).response["violations"]
    page.close()
    assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == []
