"""What is swept by the clock: uploads that nobody finished."""

import logging
from datetime import timedelta

from django.utils import timezone

from portal.accounts.models import Team
from portal.cloud.errors import CloudError
from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.datasets.models import Upload
from workers.actors import NOBODY

log = logging.getLogger(__name__)
STALE = timedelta(days=7)  # since it began, as S3's lifecycle rule for incomplete uploads counts


def sweep_uploads() -> int:
    """End the uploads that began more than STALE ago, with the parts they left; how many rows that were."""
    before = timezone.now() - STALE
    for connection in Team.objects.order_by("connection").values_list("connection", flat=True).distinct():
        try:
            connect(connection, Caller(team="", username=NOBODY)).store.sweep_uploads(before)
        except CloudError as error:
            log.warning("uploads not swept", extra={"connection": connection, "error": error.code})
    stale = Upload.objects.filter(state=Upload.State.OPEN, created_at__lt=before)
    return stale.update(state=Upload.State.ABORTED, finished_at=timezone.now())
