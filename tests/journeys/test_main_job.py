"""The main job, in a real browser on a whole house: upload a CSV, make it a table, ask it, draw and download the
answer, save and share the query, train a model, see what it cost. With a strict policy that nothing breaks, and axe."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

from tests.harness.house import House

pytestmark = [
    pytest.mark.journey,
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),  # pytest-base-url's own
]
SECONDS = 60_000  # of patience with a loaded machine, in milliseconds
GOOD = ("lovely", "perfect", "great", "excellent", "charming")
BAD = ("broken", "awful", "useless", "poor", "dreadful")


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained of: errors, refusals of the policy, and requests to other hosts."""
    return []


@pytest.fixture
def person(house: House, context: BrowserContext, faults: list[str]) -> Iterator[Page]:
    """Bob, a scientist of growth, signed in."""
    context.add_cookies([house.cookie("bob")])
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=house.url)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    expect.set_options(timeout=SECONDS)
    page.on("console", lambda message: _complaint(message, faults))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: _elsewhere(request, house.url, faults))
    yield page
    page.close()


def _complaint(message: ConsoleMessage, faults: list[str]) -> None:
    if message.type == "error" and "422" not in message.text:  # a refused query answers 422, which the console notes
        faults.append(message.text)


def _elsewhere(request: Request, url: str, faults: list[str]) -> None:
    if not request.url.startswith((url, "data:", "blob:")):
        faults.append(f"a request to {request.url}")


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """A CSV as people have them: quotes, commas, accents, missing values."""
    path = tmp_path / "Été orders.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", "city", "amount", "stars", "comment"])
        for number in range(2000):
            happy = number % 3 != 0
            words = GOOD if happy else BAD
            comment = f"{words[number % 5]} thing, “{words[(number * 7) % 5]}” café"
            city = ("Zürich", "Paris, centre", 'The "Hague"', "Lyon")[number % 4]
            writer.writerow([number, city, "" if number % 50 == 0 else f"{number % 90}.5", 5 if happy else 1, comment])
    return path


def accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_main_job(house: House, person: Page, faults: list[str], orders: Path, context: BrowserContext) -> None:
    page = person
    upload(page, house.url, orders)
    table = create_table(page)
    query = ask(page, table)
    refuse(page)
    share(page, house, context, query)
    train(page, house.url, table)
    page.goto(f"{house.url}/costs")
    expect(page.get_by_role("heading", name="Each one")).to_be_visible()
    accessible(page)
    assert faults == []


def upload(page: Page, url: str, orders: Path) -> None:
    page.goto(url)
    accessible(page)
    page.set_input_files("[data-pick]", orders)
    expect(page.get_by_role("heading", name="2,000 rows, 5 columns")).to_be_visible()
    accessible(page)


def create_table(page: Page) -> str:
    """Make the table that is offered; the editor opens on its first rows."""
    page.get_by_label("Table", exact=True).fill("orders")
    page.get_by_role("button", name="Create table and query").click()
    page.wait_for_url("**/query?table=*")
    expect(page.get_by_role("cell", name="Paris, centre").first).to_be_visible()
    expect(page.get_by_text("1–100 of 100 rows")).to_be_visible()
    accessible(page)
    return "growth.orders"


def ask(page: Page, table: str) -> str:
    """A question in SQL: its price, its answer as a table and as a chart, and the file."""
    write(page, f"SELECT city, count(*) AS orders, avg(amount) AS mean FROM {table} GROUP BY city ORDER BY city")
    expect(page.locator("#price")).to_contain_text(re.compile(r"reads .* of .* · \$0\.0"))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1–4 of 4 rows")).to_be_visible()
    page.wait_for_url(re.compile(r"/query/[0-9a-f-]{36}$"))
    expect(page.get_by_role("cell", name='The "Hague"')).to_be_visible()
    page.get_by_role("link", name="Chart", exact=True).click()
    expect(page.locator(".chart .main-svg").first).to_be_visible()
    accessible(page)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = Path(download.value.path()).read_text("utf-8")
    assert "Zürich" in text
    assert len(text.splitlines()) == 5
    address = page.url
    page.get_by_text("Save", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Orders by city")
    page.get_by_role("button", name="Save query").click()
    page.wait_for_url("**/saved/*")
    expect(page.get_by_role("heading", name="Orders by city")).to_be_visible()
    return address


def write(page: Page, sql: str) -> None:
    editor = page.get_by_role("textbox", name="SQL")
    editor.focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(sql)


def refuse(page: Page) -> None:
    """What does not parse or is not there is said at its line."""
    write(page, "SELECT city,\n  nothing_such\nFROM growth.orders")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("Line")
    expect(page.locator(".ace_error").first).to_be_visible()


def share(page: Page, house: House, context: BrowserContext, query: str) -> None:
    """A team-mate opens the result and the saved query; a stranger does not."""
    browser = context.browser
    assert browser is not None
    for name, status in (("victor", 200), ("charlie", 404)):
        other = browser.new_context()
        other.add_cookies([house.cookie(name)])
        answer = other.new_page().goto(query)
        assert answer is not None
        assert answer.status == status, name
        other.close()


def train(page: Page, url: str, table: str) -> None:
    """The template on the new table: the price in view, the curve, the verdict."""
    page.goto(f"{url}/training/new?table={table}")
    page.locator("[name='hp.text']").fill("comment")
    expect(page.locator("#training-price")).to_contain_text("at most $")
    accessible(page)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile(r"/training/[0-9a-f-]{36}$"))
    expect(page.get_by_text("Accuracy", exact=False).first).to_be_visible(timeout=120_000)
    expect(page.get_by_text("What it got most wrong").or_(page.get_by_text("Outputs"))).not_to_have_count(0)
    accessible(page)


PAGES = ("/", "/query", "/data", "/data/files", "/tables/new", "/training", "/training/new", "/costs", "/people")
MORE = ("/account", "/activity", "/search?q=orders", "/nowhere")


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 390)])
def test_pages_are_accessible_in_the_dark_and_on_a_phone(
    house: House, person: Page, faults: list[str], scheme: Literal["dark", "light"], width: int
) -> None:
    """By axe; and nothing is wider than the screen."""
    person.emulate_media(color_scheme=scheme)
    person.set_viewport_size({"width": width, "height": 800})
    for path in (*PAGES, *MORE):
        person.goto(house.url + path)
        expect(person.get_by_role("heading").first).to_be_attached()
        accessible(person)
        assert person.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert [fault for fault in faults if "404" not in fault] == []
