"""Static files out of installed packages: only those on the list, under `vendor/`."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

FILES = {"vendor/plotly.min.js": ("plotly", "package_data/plotly.min.js")}


def _path(name: str) -> Path:
    package, inside = FILES[name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"The package {package} is not installed.")
    return Path(spec.origin).parent / inside


class PackageDataFinder(BaseFinder):
    """Finds the files of FILES, so that nothing is copied into the project."""

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:
        found = str(_path(path)) if path in FILES else None
        if find_all:
            return [found] if found else []
        return found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, Storage]]:
        for name in FILES:
            storage = FileSystemStorage(location=str(_path(name).parent))
            storage.prefix = str(Path(name).parent)  # type: ignore[attr-defined]
            yield _path(name).name, storage
