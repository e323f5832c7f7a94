"""A headless Chromium that opens a report and records its requests and its console errors."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

BROWSERS = ("chromium", "google-chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-prefers-reduced-motion", "--lang=en",
)  # fmt: skip


def missing() -> str:
    """What is missing to start a browser, with the remedy; empty where nothing is."""
    if not any(map(shutil.which, BROWSERS)):
        return "no chromium: apt-get install chromium"
    return "" if shutil.which("chromedriver") else "no chromedriver: apt-get install chromium-driver"


class Page:
    """A page in a browser."""

    def __init__(self, driver: webdriver.Chrome):
        self.driver = driver

    def size(self, width: int, height: int) -> None:
        """Set the size of the window in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, path: Path, address: str = "") -> None:
        """Load the file again; ``address`` is appended to its URL."""
        self.driver.get("about:blank")
        self.driver.get(path.as_uri() + address)

    def run(self, script: str, *values):
        """Return value of a piece of JavaScript."""
        return self.driver.execute_script(script, *values)

    def open_all(self) -> None:
        """Open every part that is folded, and wait until it is drawn."""
        script = "document.querySelectorAll('details').forEach((d) => { d.open = true; }); setTimeout(() => setTimeout(arguments[0]));"
        self.driver.execute_async_script(script)

    def texts(self, selector: str) -> list[str]:
        """Texts of all elements that match."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((n) => n.textContent)", selector)

    def inaccessible(self) -> list[str]:
        """Faults that axe-core finds on the page in its present state, one line for each rule, with the first element; rules of WCAG 2.1 A and AA and best practice."""
        self.driver.execute_script((files("axe_core_python") / "axe.min.js").read_text("utf-8"))
        found = self.driver.execute_async_script("axe.run().then(arguments[0], (fault) => arguments[0]({violations: [{id: String(fault), nodes: []}]}))")
        return [f"{v['id']}: {len(v['nodes'])} times, first {(v['nodes'] or [{'html': ''}])[0]['html'][:200]}" for v in found["violations"]]

    def count(self, selector: str) -> int:
        return len(self.texts(selector))

    def press(self, key: str) -> None:
        """Press and release a key, given by its DOM name, on the focused element."""
        codes = {"Tab": 9, "Enter": 13, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        event = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key], **({"text": "\r"} if key == "Enter" else {})}
        for kind in ("keyDown", "keyUp"):
            self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": kind, **event})

    def complaints(self) -> list[str]:
        """Errors and warnings on the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses requested since the last call, without those of the browser's own first tab."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [p["request"]["url"] for p in sent if not p["documentURL"].startswith(("chrome:", "chrome-untrusted:"))]

    def ready_ms(self) -> float:
        """Milliseconds from the start of loading to the end of the first drawing, its layout included."""
        return self.run("document.body.getBoundingClientRect(); return performance.getEntriesByName('ready')[0].startTime")


@contextmanager
def browser() -> Iterator[Page]:
    """A new browser with its own profile; both are removed when the block ends."""
    profile = tempfile.mkdtemp(prefix="rs-pipeline-browser-")
    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver"), env=os.environ | {"SE_OFFLINE": "true"}))
    try:
        yield Page(driver)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
