"""Five saved queries of the sample, in Athena SQL over the database `shop`, with the chart that answers each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A saved query. `chart` is {kind, x, y, color?}, the last three naming columns of the result."""

    name: str
    description: str
    sql: str
    chart: dict[str, str]


SAVED_QUERIES: tuple[Question, ...] = (
    Question(
        "Which city sells most?",
        "Revenue and purchases by city in the last week of October. The filter on `day` reads 7 days of 31.",
        """\
SELECT city,
       round(sum(quantity * price), 2) AS revenue,
       count(*) AS purchases
FROM shop.events
WHERE day BETWEEN DATE '2026-10-25' AND DATE '2026-10-31'
  AND kind = 'purchase'
GROUP BY city
ORDER BY revenue DESC""",
        {"kind": "bar", "x": "city", "y": "revenue"},
    ),
    Question(
        "Are customers getting happier?",
        "Average stars and number of reviews by month.",
        """\
SELECT reviewed_month,
       round(avg(stars), 3) AS average_stars,
       count(*) AS reviews
FROM shop.reviews
GROUP BY reviewed_month
ORDER BY reviewed_month""",
        {"kind": "line", "x": "reviewed_month", "y": "average_stars"},
    ),
    Question(
        "How far do visitors get?",
        "Visitors on one Saturday who viewed something, put it into the cart, and bought.",
        """\
SELECT kind,
       count(DISTINCT user_id) AS visitors
FROM shop.events
WHERE day = DATE '2026-10-31'
  AND kind IN ('view', 'add_to_cart', 'purchase')
GROUP BY kind
ORDER BY visitors DESC""",
        {"kind": "bar", "x": "kind", "y": "visitors"},
    ),
    Question(
        "What sells best?",
        "The ten products with the highest revenue in the last three days of October.",
        """\
SELECT p.name,
       p.category,
       round(sum(e.quantity * e.price), 2) AS revenue
FROM shop.events e
JOIN shop.products p ON p.product_id = e.product_id
WHERE e.day >= DATE '2026-10-29'
  AND e.kind = 'purchase'
GROUP BY p.product_id, p.name, p.category
ORDER BY revenue DESC
LIMIT 10""",
        {"kind": "bar", "x": "name", "y": "revenue", "color": "category"},
    ),
    Question(
        "Which categories delight?",
        "Share of five-star reviews by category since July, in per cent.",
        """\
SELECT category,
       round(100.0 * count_if(stars = 5) / count(*), 1) AS five_star_percent,
       count(*) AS reviews
FROM shop.reviews
WHERE reviewed_month >= '2026-07'
GROUP BY category
ORDER BY five_star_percent DESC""",
        {"kind": "bar", "x": "category", "y": "five_star_percent"},
    ),
)
