"""The docs page in a real browser without a network: it loads, authorises, and sends a request."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait
from werkzeug.serving import make_server

from tests.support.shop import PRIYA, Shop

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
SECONDS = 60.0

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="no chromium and chromedriver: the docs page was not tried in a browser",
)


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    """The address of the service, under a small server of this process."""
    server = make_server("127.0.0.1", 0, shop.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1200,2000",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def find(browser: webdriver.Chrome, selector: str) -> WebElement:
    """The first such element that can be seen, waited for."""

    def look(driver: webdriver.Chrome) -> WebElement | None:
        return next((each for each in driver.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()), None)

    found: WebElement = wait(browser).until(look, f"nothing to see at {selector}")  # type: ignore[assignment]
    return found


def wait(browser: webdriver.Chrome) -> WebDriverWait[webdriver.Chrome]:
    """Wait also while the page replaces the element that was just found."""
    return WebDriverWait(browser, SECONDS, ignored_exceptions=[StaleElementReferenceException])


def click(browser: webdriver.Chrome, selector: str) -> None:
    def try_to(driver: webdriver.Chrome) -> bool:
        driver.execute_script("arguments[0].click()", find(driver, selector))
        return True

    wait(browser).until(try_to)


def list_requested(browser: webdriver.Chrome) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    return [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]


def test_the_page_works_offline_and_sends_a_request_with_a_token(address: str, browser: webdriver.Chrome) -> None:
    browser.get(f"{address}/docs")
    click(browser, ".btn.authorize")
    find(browser, ".modal-ux input").send_keys(PRIYA)
    click(browser, ".modal-ux .btn.modal-btn.auth.authorize")
    click(browser, ".modal-ux .btn-done")
    click(browser, ".opblock-summary-control")
    body = find(browser, ".body-param__text")
    body.clear()
    body.send_keys('{"perspective_id": 3}')
    click(browser, ".btn.execute")
    status = ".live-responses-table .response .response-col_status"
    wait(browser).until(lambda driver: find(driver, status).text.split()[:1] == ["200"])
    answer = find(browser, ".live-responses-table .response .highlight-code").text
    assert "Carbon plate cracked on first marathon" in answer

    requested = list_requested(browser)
    assert any(url.endswith("/api/v1/tickets/query") for url in requested)
    elsewhere = [
        url
        for url in requested
        if urlsplit(url).scheme in {"http", "https", "ws", "wss"} and not url.startswith(f"{address}/")
    ]
    assert elsewhere == []
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
    assert severe == []


def authorize(browser: webdriver.Chrome, address: str) -> None:
    """Open the page and give it Priya's token."""
    browser.get(f"{address}/docs")
    click(browser, ".btn.authorize")
    field = find(browser, ".modal-ux input")
    assert field.get_attribute("placeholder") == "id|secret"
    field.send_keys(PRIYA)
    click(browser, ".modal-ux .btn.modal-btn.auth.authorize")
    click(browser, ".modal-ux .btn-done")


def execute(browser: webdriver.Chrome) -> int:
    """Send the body that stands in the open operation; return the answer's status."""
    before = len(list_answers(browser))
    click(browser, ".btn.execute")
    wait(browser).until(lambda driver: len(list_answers(driver)) > before)
    return list_answers(browser)[-1]


def list_answers(browser: webdriver.Chrome) -> list[int]:
    """The status of each answer of the API that this page has had, as the browser keeps it."""
    found: list[int] = browser.execute_script(
        "return performance.getEntriesByType('resource')"
        ".filter(each => each.name.endsWith('/tickets/query')).map(each => each.responseStatus)"
    )
    return found


def list_complaints(browser: webdriver.Chrome) -> list[str]:
    """The violations of the page's policy that the browser reports, and every other error of the page."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


def test_the_token_survives_a_reload_and_ends_with_log_out_and_with_the_tab(
    address: str, browser: webdriver.Chrome
) -> None:
    authorize(browser, address)
    browser.refresh()
    find(browser, ".btn.authorize.locked")
    click(browser, ".opblock-summary-control")
    assert execute(browser) == 200
    assert browser.execute_script("return localStorage.length") == 0
    assert browser.get_cookies() == []

    browser.switch_to.new_window("tab")
    browser.get(f"{address}/docs")
    click(browser, ".opblock-summary-control")
    assert execute(browser) == 401

    browser.close()
    browser.switch_to.window(browser.window_handles[0])
    click(browser, ".btn.authorize")
    click(browser, ".modal-ux .btn.modal-btn.auth:not(.btn-done)")
    assert browser.execute_script("return sessionStorage.length") == 0
    browser.refresh()
    click(browser, ".opblock-summary-control")
    assert execute(browser) == 401


def test_every_example_runs_as_it_stands(address: str, browser: webdriver.Chrome) -> None:
    authorize(browser, address)
    click(browser, ".opblock-summary-control")
    choice = find(browser, ".examples-select select")
    names = [option.get_attribute("value") for option in choice.find_elements(By.TAG_NAME, "option")]
    assert len(names) >= 4
    for name in names:
        Select(find(browser, ".examples-select select")).select_by_value(name or "")
        assert execute(browser) == 200, name
    assert list_complaints(browser) == []


@pytest.mark.parametrize(("width", "is_phone"), [(390, True), (1280, False)])
def test_the_page_fits_its_screen_and_shows_the_operation_before_its_contents(
    address: str, browser: webdriver.Chrome, width: int, is_phone: bool
) -> None:
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": is_phone}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get(f"{address}/docs")
    places = [
        find(browser, selector)
        for selector in (".btn.authorize", ".opblock-summary-control", "main > nav", "main > section")
    ]
    tops = [place.location["y"] for place in places]
    assert tops == sorted(tops)
    assert tops[1] < 844
    click(browser, ".opblock-summary-control")
    find(browser, ".btn.execute")
    assert browser.execute_script("return [innerWidth, document.documentElement.scrollWidth <= innerWidth]") == [
        width,
        True,
    ]


def test_no_other_script_runs_in_the_page_and_no_frame_holds_it(address: str, browser: webdriver.Chrome) -> None:
    browser.get(f"{address}/docs")
    find(browser, ".opblock-summary-control")
    assert list_complaints(browser) == []
    browser.execute_script(
        "const script = document.createElement('script'); script.text = 'window.planted = 1';"
        "document.body.append(script)"
    )
    assert browser.execute_script("return window.planted") is None
    assert any("Content Security Policy" in complaint for complaint in list_complaints(browser))

    browser.get(f"data:text/html,<iframe src='{address}/docs'></iframe>")
    browser.switch_to.frame(0)
    wait(browser).until(lambda driver: driver.execute_script("return document.readyState"))
    assert browser.find_elements(By.CSS_SELECTOR, "#swagger-ui") == []


def test_an_operation_can_be_sent_as_soon_as_it_can_be_seen(address: str, browser: webdriver.Chrome) -> None:
    """Opened while the page still loads, Swagger UI alone finds no operation to send, about once in ten times."""
    browser.get(f"{address}/docs")
    for _ in range(10):
        browser.refresh()
        click(browser, ".opblock-summary-control")
        assert execute(browser) == 401
