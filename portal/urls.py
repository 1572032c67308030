"""Every address: health, the API, then a file a feature."""

from django.urls import include, path

from portal.api.root import api
from portal.web import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("api/v1/", api.urls),
    path("", include("portal.web.urls")),
    path("", include("portal.accounts.urls")),
    path("", include("portal.queries.urls")),
    path("", include("portal.catalog.urls")),
    path("", include("portal.datasets.urls")),
    path("", include("portal.training.urls")),
    path("", include("portal.costs.urls")),
    path("", include("portal.operations.urls")),
]
