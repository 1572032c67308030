"""`make screenshots`: every page of a house with the sample and some work done, in light, in dark and 390 px wide, into
screenshots/; and the one that the README shows, into docs/images/."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.harness import chromium
from tests.harness.house import House
from tests.harness.processes import BASE

SHOTS, DOCS = BASE / "screenshots", BASE / "docs" / "images"
SIZES = {"light": (1280, 800), "dark": (1280, 800), "phone": (390, 844)}
PAGES = {
    "home": "/",
    "tables": "/data",
    "buckets": "/data/files",
    "files": "/data/files/sample-shop/reviews/",
    "table": "/tables/shop/events",
    "preview": "/tables/shop/reviews?tab=preview",
    "query-new": "/query",
    "training": "/training",
    "training-new": "/training/new",
    "costs": "/costs",
    "people": "/people",
    "account": "/account",
    "activity": "/activity",
    "search": "/search?q=reviews",
    "missing": "/nothing-here",
}
QUESTION = "Which city sells most?"


def main() -> int:
    """0 when all were taken."""
    found = chromium.find()
    if not found:
        print("No Chromium: run `make browser`.", file=sys.stderr)
        return 1
    for folder in (SHOTS, DOCS):
        folder.mkdir(parents=True, exist_ok=True)
    house = House()
    try:
        house.open()
        house.manage("sample")
        pages = {**PAGES, **work(house)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found, args=chromium.arguments())
            for name, size in SIZES.items():
                take(browser, house, name, size, pages)
            browser.close()
    finally:
        house.close()
    print(f"{len(SIZES) * len(pages)} pictures in {SHOTS}")
    return 0


def work(house: House) -> dict[str, str]:
    """Run each saved query and train the template, so that pages have something to show; their addresses."""
    with house.api("root") as client:
        waits = {"Prefer": "wait=60"}
        addresses = {}
        for number, saved in enumerate(client.get("/saved-queries").json()["items"]):
            run = client.post(f"/saved-queries/{saved['id']}/run", headers=waits).json()
            name = "query" if saved["name"] == QUESTION else f"query-{number}"
            addresses |= {name: f"/query/{run['id']}?view=chart", f"{name}-saved": f"/saved/{saved['id']}"}
        template = client.get("/training-templates").json()["items"][0]
        job = client.post("/training-jobs", json=template["example"], headers=waits).json()
        client.get(f"/training-jobs/{job['id']}", headers=waits)
    return addresses | {"training-job": f"/training/{job['id']}"}


def take(browser: Browser, house: House, name: str, size: tuple[int, int], pages: dict[str, str]) -> None:
    """One picture a page, in one size and theme."""
    scheme = "dark" if name == "dark" else "light"
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    context.add_cookies([house.cookie("root")])
    for title, address in pages.items():
        shoot(context, house.url + address, SHOTS / f"{title}-{name}.png")
        if (title, name) == ("query", "light"):
            (DOCS / "query.png").write_bytes((SHOTS / "query-light.png").read_bytes())
    context.close()


def shoot(context: BrowserContext, address: str, path: Path) -> None:
    page: Page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("load")
    if page.locator(".chart").count():
        expect(page.locator(".chart .main-svg").first).to_be_visible(timeout=30_000)
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
