"""/api/v1: the routers of the features under one roof. The contract is served as OpenAPI at /api/v1/openapi.json."""

from portal.access.api import router as access
from portal.accounts.api import router as accounts
from portal.api import problems
from portal.api.auth import BearerAuth, SessionAuth
from portal.api.bodies import BodyParser
from portal.api.document import DocumentedAPI
from portal.catalog.api import router as catalog
from portal.costs.api import router as costs
from portal.datasets.api import router as datasets
from portal.operations.api import router as operations
from portal.queries.api import router as queries
from portal.training.api import router as training

api = DocumentedAPI(
    title="Skydeck",
    version="1",
    description="Cloud data science by REST: upload, catalog, Athena SQL, training, costs.",
    auth=[BearerAuth(), SessionAuth()],
    docs_url=None,  # its page loads scripts from elsewhere; the document itself is at openapi.json
    urls_namespace="api",
    parser=BodyParser(),
)
problems.install(api)
for router in (accounts, operations, datasets, catalog, queries, training, costs, access):
    api.add_router("", router)
