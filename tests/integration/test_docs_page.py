"""The docs page in a real browser without a network: it loads, authorises, and sends a request."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
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

    found: WebElement = WebDriverWait(browser, SECONDS).until(look, f"nothing to see at {selector}")  # type: ignore[assignment]
    return found


def click(browser: webdriver.Chrome, selector: str) -> None:
    browser.execute_script("arguments[0].click()", find(browser, selector))


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
    status = find(browser, ".live-responses-table .response .response-col_status")
    WebDriverWait(browser, SECONDS).until(lambda _: status.text.split()[:1] == ["200"])
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
