"""A small catalog that the tests of this folder share."""

from portal.sql import Right, TableSchema

SCHEMA = {
    ("shop", "reviews"): TableSchema(
        (
            ("id", "bigint"),
            ("stars", "int"),
            ("body", "varchar"),
            ("email", "varchar"),
            ("price", "decimal(12,2)"),
            ("month", "varchar"),
        ),
        ("month",),
    ),
    ("shop", "products"): TableSchema(
        (
            ("id", "bigint"),
            ("name", "varchar"),
            ("tags", "array(varchar)"),
            ("info", "row(a bigint, b varchar)"),
            ("seen", "map(varchar, bigint)"),
        )
    ),
}
WITHHELD = frozenset({"email", "price"})
ALL = {name: Right() for name in SCHEMA}
SOME = {
    ("shop", "reviews"): Right(frozenset({"id", "stars", "body", "month"})),
    ("shop", "products"): Right(),
}
