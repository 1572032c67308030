"""The sample's data, the same for the same seed: products, reviews of them, and a month of clicks.

Nothing here is real: names, texts and figures are drawn by a generator (numpy's PCG64).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from portal.sample import words

SEED = 20260101
PRODUCTS, REVIEWS, EVENTS = 400, 60_000, 5_000_000
REVIEWS_FROM, REVIEWS_DAYS = date(2026, 1, 1), 304  # until the end of October
EVENTS_FROM, EVENTS_DAYS = date(2026, 10, 1), 31
USERS = 180_000
STARS_SHARE = (0.11, 0.10, 0.15, 0.26, 0.38)
FILES = ("/part-0.parquet", "/products.parquet")  # how the names of all files written here end
KINDS = ("view", "search", "add_to_cart", "purchase")


def products(seed: int = SEED) -> pa.Table:
    """400 products: product_id, name, category, brand, price (decimal(10,2)), launched_on."""
    draw = np.random.default_rng([seed, 1])
    categories = draw.choice(list(words.CATEGORIES), PRODUCTS)
    brands = draw.choice(words.BRANDS, PRODUCTS)
    names = [
        f"{brand} {draw.choice(words.ADJECTIVES)} {draw.choice(words.CATEGORIES[category])}"
        for brand, category in zip(brands, categories, strict=True)
    ]
    launched = np.datetime64("2023-01-01") + draw.integers(0, 1000, PRODUCTS)
    return pa.table(
        {
            "product_id": pa.array(range(1, PRODUCTS + 1), pa.int64()),
            "name": names,
            "category": categories.tolist(),
            "brand": brands.tolist(),
            "price": pa.array(_prices(seed) / 100).cast(pa.decimal128(10, 2)),
            "launched_on": pa.array(launched.astype("datetime64[D]"), pa.date32()),
        }
    )


def reviews(seed: int = SEED, count: int = REVIEWS) -> pa.Table:
    """60,000 reviews in order of date: review_id, product_id, category, stars (1 to 5), title, body, helpful_votes,
    reviewed_on. The text tells the stars mostly, not always: people write mixed things and press the wrong star."""
    draw = np.random.default_rng([seed, 2])
    table = products(seed)
    names, categories = table["name"].to_pylist(), table["category"].to_pylist()
    chosen = draw.zipf(1.3, count * 2)
    chosen = chosen[chosen <= PRODUCTS][:count] - 1
    chosen = np.concatenate([chosen, draw.integers(0, PRODUCTS, count - len(chosen))])
    chosen = draw.permutation(PRODUCTS)[chosen]
    quality = draw.normal(0, 0.35, PRODUCTS)[chosen]
    stars = _stars(draw, quality)
    days = np.sort(draw.integers(0, REVIEWS_DAYS, count))
    texts = [
        _text(draw, int(star), names[product], categories[product]) for star, product in zip(stars, chosen, strict=True)
    ]
    return pa.table(
        {
            "review_id": pa.array(range(1, count + 1), pa.int64()),
            "product_id": pa.array(chosen + 1, pa.int64()),
            "category": [categories[product] for product in chosen],
            "stars": pa.array(stars, pa.int32()),
            "title": [title for title, _ in texts],
            "body": [body for _, body in texts],
            "helpful_votes": pa.array(draw.poisson(np.where(stars < 3, 2.2, 0.9)), pa.int32()),
            "reviewed_on": pa.array(np.datetime64(REVIEWS_FROM) + days, pa.date32()),
        }
    )


def events(seed: int = SEED, count: int = EVENTS) -> Iterator[tuple[date, pa.Table]]:
    """5 million clicks, a table a day: event_id, clicked_at (UTC), user_id, session_id, product_id, kind (view, search,
    add_to_cart, purchase), quantity, price (a piece), city, country."""
    draw = np.random.default_rng([seed, 3])
    days = [EVENTS_FROM + timedelta(days=number) for number in range(EVENTS_DAYS)]
    weights = np.array([1.25 if day.weekday() >= 5 else 1.0 for day in days]) * np.linspace(0.9, 1.15, EVENTS_DAYS)
    counts = np.floor(weights / weights.sum() * count).astype(int)
    counts[-1] += count - counts.sum()
    prices, homes, first = _prices(seed), _homes(seed), 1
    for day, clicks in zip(days, counts.tolist(), strict=True):
        yield day, _day(draw, day, clicks, first, prices, homes)
        first += clicks


def write_reviews(folder: Path, seed: int = SEED, count: int = REVIEWS) -> None:
    """`folder`/reviewed_month=2026-01/part-0.parquet and so on."""
    table = reviews(seed, count)
    months = pc.strftime(table["reviewed_on"], "%Y-%m")
    for month in pc.unique(months).to_pylist():
        _write(table.filter(pc.equal(months, month)), folder / f"reviewed_month={month}" / "part-0.parquet")


def write_products(folder: Path, seed: int = SEED) -> None:
    """`folder`/products.parquet."""
    _write(products(seed), folder / "products.parquet")


def write_events(folder: Path, seed: int = SEED, count: int = EVENTS) -> None:
    """`folder`/day=2026-10-01/part-0.parquet and so on; about 90 MB."""
    for day, table in events(seed, count):
        _write(table, folder / f"day={day}" / "part-0.parquet")


def write_sample(folder: Path, seed: int = SEED) -> None:
    """All three tables under `folder`: reviews/, products/ and events/."""
    write_reviews(folder / "reviews", seed)
    write_products(folder / "products", seed)
    write_events(folder / "events", seed)


def _prices(seed: int) -> np.ndarray:
    """Each product's price in cents."""
    draw = np.random.default_rng([seed, 4])
    euros = np.round(draw.lognormal(3.2, 0.7, PRODUCTS)).astype(np.int64)
    cents: np.ndarray = euros * 100 + draw.choice([0, 49, 90, 99], PRODUCTS)
    return cents


def _stars(draw: np.random.Generator, quality: np.ndarray) -> np.ndarray:
    """Stars whose shares are STARS_SHARE as a whole and better for better products."""
    mood = quality + draw.normal(0, 1, len(quality))
    edges = np.quantile(mood, np.cumsum(STARS_SHARE)[:-1])
    return np.searchsorted(edges, mood) + 1


def _text(draw: np.random.Generator, stars: int, name: str, category: str) -> tuple[str, str]:
    """Title and body of one review."""
    felt = stars + round(draw.normal(0, 0.5))
    said = np.clip(felt + draw.choice([-1, 0, 0, 0, 0, 0, 0, 0, 0, 1], 3), 1, 5)
    product = name.split(" ", 2)[2]
    title = _pick(draw, words.TITLES[said[0] - 1])
    sentences = [_pick(draw, words.VERDICTS[level - 1]) for level in said[1 : 2 + (draw.random() < 0.55)]]
    sentences += [_pick(draw, words.NEUTRAL) for _ in range(draw.integers(0, 4))]
    draw.shuffle(sentences)
    sentences = [_opened(draw, sentence) for sentence in sentences]
    aspects = words.ASPECTS[category]

    def fill(text: str) -> str:
        return text.format(p=product, a=_pick(draw, aspects), n=draw.integers(2, 30), who=_pick(draw, words.WHO))

    return fill(title), " ".join(fill(sentence) for sentence in sentences)


def _opened(draw: np.random.Generator, sentence: str) -> str:
    """Now and then a sentence begins as people begin theirs."""
    if draw.random() > 0.3:
        return sentence
    rest = sentence if sentence.startswith(("I ", "I'")) else sentence[0].lower() + sentence[1:]
    return f"{_pick(draw, words.OPENERS)} {rest}"


def _pick(draw: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(draw.random() * len(choices))]


def _day(
    draw: np.random.Generator, day: date, count: int, first: int, prices: np.ndarray, homes: np.ndarray
) -> pa.Table:
    users = draw.integers(0, USERS, count)
    city = homes[users]
    product = np.minimum(draw.exponential(90, count).astype(np.int64), PRODUCTS - 1)
    eager = np.array([row[3] for row in words.CITIES])[city]
    roll = draw.random(count)
    bought, carried = 0.02 * eager, 0.02 * eager + 0.06
    kind = np.select([roll < bought, roll < carried, roll < carried + 0.12], [3, 2, 1], 0)
    quantity = np.where(kind >= 2, 1 + draw.poisson(0.25, count), 0)
    hour = np.clip(draw.normal(15.5, 4.5, count), 0, 23.999)
    at = np.sort((hour * 3_600_000).astype(np.int64))
    names, countries = [row[0] for row in words.CITIES], [row[1] for row in words.CITIES]
    return pa.table(
        {
            "event_id": pa.array(np.arange(first, first + count)),
            "clicked_at": pa.array(np.datetime64(day, "ms") + at, pa.timestamp("ms")),
            "user_id": pa.array(users + 1),
            "session_id": pa.array(users * 100 + (at // 14_400_000)),
            "product_id": pa.array(product + 1),
            "kind": pa.DictionaryArray.from_arrays(pa.array(kind, pa.int32()), pa.array(KINDS)),
            "quantity": pa.array(quantity, pa.int32()),
            "price": pa.array(prices[product] / 100),
            "city": pa.DictionaryArray.from_arrays(pa.array(city, pa.int32()), pa.array(names)),
            "country": pa.DictionaryArray.from_arrays(pa.array(city, pa.int32()), pa.array(countries)),
        }
    )


def _homes(seed: int) -> np.ndarray:
    """People stay where they live: the index of a city for each of the users."""
    draw = np.random.default_rng([seed, 5])
    weights = np.array([row[2] for row in words.CITIES], float)
    homes: np.ndarray = draw.choice(len(words.CITIES), USERS, p=weights / weights.sum())
    return homes


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", row_group_size=50_000, store_schema=False)
