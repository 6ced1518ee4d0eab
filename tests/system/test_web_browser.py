"""The page in a real browser: what a person does there, from a picture to what is made of it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect
from tests.system.browser import PHONE, Window, chromium, window
from tests.system.conversations import recipe_in
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, web_house
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("browser")) as web:
        # a second engine, whose model reads other options
        web.house.settings["UNSTILL_ENGINE__MODEL"] = "camera"
        web.house.start_engine("--device", "cpu:1", log="camera")
        wait_for(lambda: "o-model" in web.visitor().open().text, what="both models")
        yield web


@pytest.fixture
def ann(browser: Browser, house: WebHouse) -> Iterator[Window]:
    with window(browser, house.url) as opened:
        opened.open()
        yield opened


GIVE = """([kind, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0)), given = new DataTransfer();
  given.items.add(new File([bytes], "photo.png", { type: "image/png" }));
  const about = { bubbles: true, cancelable: true };
  dispatchEvent(kind === "paste" ? new ClipboardEvent(kind, { clipboardData: given, ...about })
                                 : new DragEvent(kind, { dataTransfer: given, ...about }));
}"""


def give(page: Page, kind: str, picture: bytes) -> None:
    """Drop or paste a picture, as the browser tells the page of it."""
    page.evaluate(GIVE, [kind, base64.b64encode(picture).decode()])


def shown(card: Locator) -> None:
    """Wait until the clip of a card is loaded in its place."""
    expect(card.locator("video")).to_be_visible()
    wait_for(lambda: card.locator("video").evaluate("(one) => one.readyState >= 2"), what="the clip's first frame")


def test_pictures_are_dropped_pasted_chosen_and_taken_out_again_and_all_that_is_left_is_sent(ann: Window) -> None:
    page = ann.page
    # Given that one picture is dropped, one pasted, two are chosen
    give(page, "dragover", photo("teal"))
    expect(page.locator("#photo.over")).to_be_visible()
    give(page, "drop", photo("teal"))
    give(page, "paste", photo("navy"))
    ann.choose(photo("gold"), photo("red"))
    # Then all are seen; and one is taken out
    expect(page.locator("#previews img")).to_have_count(4)
    wait_for(lambda: page.locator("#previews img").last.evaluate("(one) => one.naturalWidth") == 320)
    page.get_by_role("button", name="Remove photo.png").first.click()
    expect(page.locator("#previews img")).to_have_count(3)
    # When they are sent together
    page.fill("#prompt", "three at once")
    page.click("#go")
    # Then each is a card and becomes a clip, without another load of the page
    expect(page.locator(".card.done")).to_have_count(3)
    expect(page.locator("#sent")).to_have_text("It is on its way. Its card is below.")
    expect(page.locator("#previews")).to_be_hidden()
    assert [url for url in ann.asked if url == f"{ann.url}/"] == [f"{ann.url}/"]


DRAG_TEXT = """() => {
  const given = new DataTransfer();
  given.setData("text/plain", "waves");
  return dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));
}"""


def test_text_that_is_dragged_goes_where_it_always_does(ann: Window) -> None:
    assert ann.page.evaluate(DRAG_TEXT)


def test_words_are_advised_as_they_are_typed_and_options_follow_the_model(ann: Window) -> None:
    page = ann.page
    # Given wrong words, Then that is said while they are typed; and no more once they are right
    page.locator("#prompt").press_sequentially("waves --speed 3")
    expect(page.locator("#advice.wrong")).to_contain_text("There is no option --speed")
    page.fill("#prompt", "waves")
    expect(page.locator("#advice.wrong")).to_have_count(0)
    # When the options are opened, Then they are those of the model that is chosen, with its bounds
    page.get_by_text("Options", exact=True).click()
    model = page.locator("#o-model")
    kept = model.locator("option").evaluate_all("(all) => all.map((one) => one.value)")
    assert sorted(kept) == ["camera", "journal"]
    model.select_option("journal")
    expect(page.locator("#o-num_frames")).to_have_attribute("max", "16")
    page.fill("#o-seed", "11")
    model.select_option("camera")
    expect(page.locator("#o-num_frames")).not_to_have_attribute("max", "16")
    # and what was given there already stands there still
    expect(page.locator("#o-seed")).to_have_value("11")
    # When a preset is pressed and all is sent, Then the clip is made so
    page.get_by_label("Preview").check()
    ann.ask("waves", photo())
    card = ann.card("waves")
    shown(card)
    recipe = recipe_in(page.request.get(card.locator("video").get_attribute("src") or "").body())
    made = recipe.parameters
    assert (made.model, made.seed, made.resolution, made.num_frames) == ("camera", 11, 256, 24)


def test_a_card_tells_place_and_progress_by_itself_in_every_tab_and_is_cancelled(ann: Window, house: WebHouse) -> None:
    page, other = ann.page, ann.tab()
    other.goto(ann.url)
    page.locator("#o-model").select_option("journal", force=True)
    with house.house.gate() as gate:
        # Given a render that is held, and one that waits for it
        ann.ask(f"{gate} waves", photo("teal"))
        held = ann.card("waves")
        expect(held.locator("progress")).to_have_attribute("value", re.compile("0.1"))
        ann.ask("clouds", photo("navy"))
        expect(ann.card("clouds").locator(".facts")).to_contain_text("You are next.")
        # Then another tab shows both, and so does a page that is loaded anew
        for tab in (other, page):
            expect(tab.locator(".card.rendering .facts")).to_contain_text("12 %")
            expect(tab.locator(".card.waiting .facts")).to_contain_text("You are next.")
            page.reload()
        # When both are cancelled by the keyboard in one tab
        for words in ("waves", "clouds"):
            ann.card(words).get_by_role("button", name="Cancel").press("Enter")
        # Then both tabs say so
        for tab in (other, page):
            expect(tab.locator(".card.cancelled .facts")).to_have_text(["Cancelled.", "Cancelled."])
    # and the cards are put away
    page.locator(".card").first.get_by_role("button", name="Remove").click()
    expect(other.locator(".card")).to_have_count(1)


WATCH = """() => {
  window.shares = [];
  new MutationObserver(() => {
    const bar = document.querySelector("progress[value]");
    if (bar) window.shares.push(bar.value);
  }).observe(document.getElementById("cards"), { subtree: true, childList: true, attributes: true });
}"""


def test_the_bar_never_runs_back_though_the_first_try_is_lost(ann: Window, house: WebHouse) -> None:
    page = ann.page
    page.evaluate(WATCH)
    page.locator("#o-model").select_option("journal", force=True)
    # When a render crashes once, and is begun anew
    with house.house.gate() as gate:
        ann.ask(f"{gate} crash once waves", photo())
        wait_for(lambda: gate.reached(1), what="the second try")
        expect(page.locator("progress")).to_have_attribute("value", re.compile("0.1"))
    shown(ann.card("waves"))
    shares = page.evaluate("window.shares")
    assert shares and shares == sorted(shares)


def test_a_clip_plays_in_its_place_by_ranges_and_all_its_buttons_do_what_they_say(ann: Window, house: WebHouse) -> None:
    page = ann.page
    page.locator("#o-model").select_option("journal", force=True)
    page.get_by_text("Options", exact=True).click()
    page.fill("#o-seed", "7")
    ann.ask("waves rolling in", photo())
    first = ann.card("waves rolling in")
    shown(first)
    video = first.locator("video")
    # Then it loops, silent, in its place, by itself once it is seen; and goes where it is told to
    for attribute in ("loop", "muted", "playsinline", "controls"):
        assert video.get_attribute(attribute) is not None
    video.scroll_into_view_if_needed()
    wait_for(lambda: video.evaluate("(one) => !one.paused"), what="playing")
    assert video.evaluate(
        "(one) => new Promise((done) => { one.onseeked = () => done(one.currentTime); one.currentTime = 0.5; })"
    )
    ranged = page.request.get(video.get_attribute("src") or "", headers={"Range": "bytes=4-7"})
    assert (ranged.status, ranged.body()) == (206, b"ftyp")
    # It is saved under a name that tells what it is
    with page.expect_download() as download:
        first.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "unstill-waves-rolling-in.mp4"
    # Its recipe is a page
    first.get_by_role("link", name="Recipe").click()
    expect(page.locator("dl.recipe")).to_contain_text("waves rolling in")
    page.go_back()
    # A loop of it is another card
    first.get_by_role("button", name="Loop").click()
    expect(page.locator(".card.done")).to_have_count(2)
    # again, and in another shape
    first = page.locator(".card.done").last
    first.get_by_role("button", name="Again").click()
    expect(page.locator(".card.done")).to_have_count(3)
    first.get_by_role("button", name="9:16").click()
    expect(page.locator(".card.done")).to_have_count(4)
    width, height = (page.locator("video").first.evaluate(f"(one) => one.video{side}") for side in ("Width", "Height"))
    wait_for(
        lambda: page.locator("video").first.evaluate("(one) => one.videoHeight > one.videoWidth"),
        what=f"{width}x{height}",
    )
    # with other words it is of the same picture
    first.get_by_role("link", name="Other words").click()
    expect(page.locator("#prompt")).to_have_value(re.compile("waves rolling in"))
    expect(page.locator("img.seen")).to_be_visible()
    page.fill("#prompt", "clouds")
    page.click("#go")
    expect(page.locator(".card.done")).to_have_count(5)
    expect(ann.card("clouds")).to_have_count(1)
    # Delete takes the card away, and the clip
    where = ann.card("clouds").locator("video").get_attribute("src") or ""
    ann.card("clouds").get_by_role("button", name="Delete").click()
    expect(page.locator(".card")).to_have_count(4)
    assert page.request.get(where).status == 404


def test_where_the_browser_can_a_clip_is_shared_as_a_file(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url) as ben:
        # Given a browser that shares files, as those of phones do
        ben.context.add_init_script(
            "navigator.canShare = (what) => what.files.length > 0;"
            "navigator.share = async ({ files }) => { window.shared = [files[0].name, files[0].type, files[0].size]; };"
        )
        ben.open()
        ben.ask("waves", photo())
        ben.card("waves").get_by_role("button", name="Share").click()
        wait_for(lambda: ben.page.evaluate("window.shared"), what="the share")
        name, kind, size = ben.page.evaluate("window.shared")
        assert (name, kind) == ("unstill-waves.mp4", "video/mp4") and size > 500


def test_a_refusal_is_said_and_the_form_stays_as_it_is(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url, faults=True) as ben:
        page = ben.open()
        # When words have an option that there is not
        ben.ask("waves --speed 3", photo())
        # Then that is said, read out, and picture and words stand there still
        expect(page.get_by_role("alert")).to_contain_text("There is no option --speed")
        expect(page.locator("#previews img")).to_have_count(1)
        expect(page.locator("#prompt")).to_have_value("waves --speed 3")
        # A file that is no picture is said so too, and what a browser cannot show is named
        page.get_by_role("button", name="Remove").click()
        ben.choose(b"no picture", name="letter.jpg")
        expect(page.locator("#previews")).to_contain_text("letter.jpg")
        page.fill("#prompt", "waves")
        page.click("#go")
        expect(page.get_by_role("alert")).to_contain_text("not a picture")
        expect(ben.cards).to_have_count(0)
        # When it is sent without any
        page.get_by_role("button", name="Remove").click()
        page.click("#go")
        expect(page.get_by_role("alert")).to_be_visible()
        # Then with the picture it goes
        ben.ask("waves", photo())
        expect(page.locator(".card.done")).to_have_count(1)
        expect(page.get_by_role("alert")).to_be_hidden()


def test_who_has_no_photo_tries_the_sample_and_a_phone_opens_its_camera(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url, viewport=PHONE, has_touch=True, is_mobile=True) as ben:
        page = ben.open()
        # On a phone the camera is one press away
        with page.expect_file_chooser() as chooser:
            page.get_by_text("Take a photo").tap()
        assert chooser.value.element.get_attribute("capture") == "environment"
        chooser.value.set_files(FilePayload(name="IMG_1.png", mimeType="image/png", buffer=photo()))
        expect(page.locator("#previews img")).to_have_count(1)
        page.get_by_role("button", name="Remove").tap()
        # and who has nothing at hand takes the sample
        expect(page.locator("#empty")).to_be_visible()
        page.get_by_text("Try it with this photo").tap()
        expect(page.locator("#previews img")).to_have_count(1)
        page.fill("#prompt", "waves")
        page.locator("#go").tap()
        shown(ben.card("waves"))
        expect(page.locator("#empty")).to_be_hidden()
