"""What goes with a thing that is deleted: the grants on it. A name may be made anew by somebody else."""

from portal.access.model import Resource
from portal.access.models import Grant


def forget(resource: Resource) -> None:
    """Take back every grant on a resource, and for a bucket those on its prefixes."""
    grants = Grant.objects.filter(connection=resource.connection, resource_kind=resource.kind)
    if resource.kind == "bucket":
        grants.filter(resource_name__startswith=resource.name.partition("/")[0] + "/").delete()
    else:
        grants.filter(resource_name=resource.name).delete()
