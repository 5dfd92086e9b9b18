import hashlib
import json
import re
import shutil
import zipfile
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image
from records import dabancheng, failed
from test_evidence import reader

import flows.publish as publish_package
from flows.ledger import Ledger
from flows.publish.publishing import publish
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


def test_methods_name_the_detectors(folder):
    assert "The detectors in this edition: footprints, perimeter." in (folder / "site" / "about.html").read_text()


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
    assert "Buildings and ground (footprints): assessed in 0 of 16 months" in told
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


def _archive(page, folder):
    """What the archive of chips holds, and that its images are the published ones."""
    page.click("#downloads summary")
    with page.expect_download() as caught:
        page.click("#chips")
    with zipfile.ZipFile(caught.value.path()) as archive:
        assert archive.testzip() is None
        held = {name: archive.read(name) for name in archive.namelist()}
    images = {name: content for name, content in held.items() if name.startswith("evidence/")}
    assert images
    for name, content in images.items():
        assert content == (folder / name).read_bytes()
    return held, {name.split("/")[-1] for name in images}


def _images_of(change_id):
    return {f"{change_id}_{moment}.{kind}" for moment in ("before", "after") for kind in ("png", "tif")}


def test_the_archive_holds_the_chips_of_exactly_what_is_filtered_from_disk(page, folder):
    page.uncheck("input[name=type][value=building_added]")
    assert page.inner_text("#chips", timeout=1000) == ""  # folded away
    held, images = _archive(page, folder)
    assert images == _images_of("aspi-0050-pbvhsdla")
    layer = json.loads(held["changes-filtered.geojson"])
    assert [feature["id"] for feature in layer["features"]] == ["aspi-0050-pbvhsdla"]
    assert "consistent with" in held["citations.txt"].decode()
    assert held["changes-filtered.csv"].decode("utf-8-sig").count("\r\n") == 2
    assert page.inner_text("#chips").startswith("Chips (ZIP, 1 change, 0.")


def test_the_archive_is_the_same_from_a_server(browser, folder):
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/site/index.html")
        page.wait_for_selector("html[data-ready]")
        _, images = _archive(page, folder)
        page.close()
        server.shutdown()
    assert images == _images_of("aspi-0050-pbvhsdla") | _images_of("aspi-0050-mrtkqwza")


def test_an_archive_that_can_not_be_made_says_why(browser, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "site" / "chips")
    page = browser.new_page()
    page.goto((tmp_path / "copy" / "site" / "index.html").as_uri())
    page.wait_for_selector("html[data-ready]")
    page.click("#downloads summary")
    page.click("#chips")
    page.wait_for_selector(
        "#download-state:has-text('is missing')"
    )  # a function would be evaluated, which the page forbids
    page.close()


def test_libraries_are_the_files_that_their_source_says():
    for note in (Path(publish_package.__file__).parent / "data" / "site").glob("*/SOURCE.md"):
        named = dict(re.findall(r"sha256 of `(.+?)`: `([0-9a-f]{64})`", note.read_text(encoding="utf-8")))
        assert named
        for name, digest in named.items():
            assert hashlib.sha256((note.parent / name).read_bytes()).hexdigest() == digest, name


def test_sides_of_a_perimeter_are_told_and_drawn(page):
    page.click("#list button:has-text('Perimeter added')")
    page.click("summary:has-text('Sides of the ring, 4')")
    rows = page.locator("table[aria-label='Sides of the ring'] tbody tr").all_inner_texts()
    assert rows[0].split("\t") == ["1", "440 m", "95 %", "1 of 2", "2018-04-29 to 2018-04-29"]
    assert rows[3].split("\t") == ["4", "940 m", "0 %", "0 of 2", "in no scene by itself"]
    assert "60 % of it seen as a line" in page.inner_text("#detail blockquote")
    banded = _band(page)
    page.click("#list button:has-text('Building added')")
    assert banded > 3 * _band(page)


def _band(page):
    """Pixels of the map in the pale colour of a band along a wine-red ring; orange and paper have less blue."""
    drawn = np.asarray(Image.open(BytesIO(page.locator("#map").screenshot())).convert("RGB")).astype(int)
    _, green, blue = np.moveaxis(drawn, -1, 0)
    return int(((blue - green > 15) & (green > 90)).sum())


def test_a_chosen_change_is_drawn_although_it_is_filtered_out(page, folder):
    page.goto((folder / "site" / "index.html").as_uri() + "?again#change=aspi-0050-uuivkxoe")
    page.wait_for_selector("html[data-ready]")
    drawn = np.asarray(Image.open(BytesIO(page.locator("#map").screenshot())).convert("RGB")).astype(int)
    assert (drawn.max(axis=-1) < 40).sum() > 50  # the black line around it


def test_facts_say_how_sure(page):
    page.click("#list button:has-text('Perimeter added')")
    assert "0.88, calibrated probability" in page.inner_text(".facts")
    page.click("#list button:has-text('Building added')")
    facts = page.inner_text(".facts")
    assert "not calibrated: no figure" in facts
    assert "2 of 2 clear scenes from the onset on" in facts


def test_order_is_kept_in_the_address(page):
    page.select_option("#sort", "largest")
    assert page.inner_text("#list button >> nth=0").startswith("Perimeter added")
    assert "sort=largest" in page.url


def test_a_filter_that_nothing_fits_says_nothing_of_the_ground(page):
    page.fill("input[name=q]", "nowhere at all")
    assert "says nothing of what happened" in page.inner_text("#list")


def test_a_permalink_opens_its_change(page, folder):
    page.goto((folder / "site" / "index.html").as_uri() + "?again#change=aspi-0050-uuivkxoe")
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("#detail blockquote").startswith("Withdrawn:")


def test_a_report_prints_on_one_sheet(browser, folder):
    page = browser.new_page()
    page.goto((folder / "site" / "facility" / "aspi-0050.html").as_uri())
    page.wait_for_load_state("networkidle")
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))
    assert len(sheets) == 1
    shown = page.locator(".panels img").evaluate_all("images => images.map((image) => image.naturalWidth > 0)")
    assert shown == [True] * 6
    page.close()


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
