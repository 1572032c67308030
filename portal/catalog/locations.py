"""Where the files of a table lie: `s3://bucket/prefix/` or `s3://bucket/key` of one file, on every provider."""

import re

from portal.problems import Invalid

_LOCATION = re.compile(r"s3://([^/]+)/(.*)", re.DOTALL)
LONGEST = 1200  # characters: the mirror's field


def split(location: str) -> tuple[str, str]:
    """Bucket, and prefix or key. Invalid where it is no location."""
    match = _LOCATION.fullmatch(location.strip())
    if match is None or len(location) > LONGEST:
        raise Invalid.field("location", "Write the location as s3://bucket/folder/ or s3://bucket/file.")
    return match[1], match[2]


def touch(location: str, inside: str) -> bool:
    """Does reading `inside` of the same bucket reach files of a table there? `inside` counts as all keys that begin so:
    providers take `folder` for `folder/`, too."""
    _, own = split(location)
    is_folder = not own or own.endswith("/")
    return own.startswith(inside) or (is_folder and inside.startswith(own))
