"""The shop of the queries' tests, and what stands on its pages: a finished query, saved queries, a job that waits."""

from dataclasses import dataclass

import pytest

from portal.operations.models import Operation
from portal.queries import saved, services
from portal.queries.models import SavedQuery
from portal.training import services as training
from portal.training.services import Input, Request
from tests.queries.conftest import Shop, carried_out, shop

__all__ = ["shop"]


@dataclass
class Work:
    """Of team growth: `query` has run, `saved` is the team's, `private` is carol's alone, `job` waits for a worker."""

    shop: Shop
    query: Operation
    saved: SavedQuery
    private: SavedQuery
    job: Operation

    @property
    def table(self) -> str:
        return f"/tables/{self.shop.database}/items"


@pytest.fixture
def work(shop: Shop) -> Work:
    carol, bob = shop.people.carol.actor, shop.people.bob.actor
    sql = f"SELECT title, price FROM {shop.items} ORDER BY id LIMIT 5"
    query = carried_out(services.run(carol, sql, shop.database))
    assert query.state == "succeeded", query.error
    given = {"sql": sql, "database": shop.database}
    job = training.launch(bob, Request(template="text-classifier", inputs=(Input("train", table=shop.items),)))
    return Work(
        shop=shop,
        query=query,
        saved=saved.create(carol, name="Cheap things", team="growth", **given),
        private=saved.create(carol, name="Mine", **given),
        job=job,
    )
