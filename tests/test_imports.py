"""Who may import whom: the contracts of pyproject.toml, and that one provider of clouds never knows another."""

import subprocess
import sys
from pathlib import Path

import grimp

from tests.harness.processes import BASE


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=BASE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_no_provider_imports_another() -> None:
    graph = grimp.build_graph("portal", cache_dir=None)
    folders = [path.parent.name for path in (BASE / "portal" / "cloud").glob("*/__init__.py")]
    assert "local" in folders
    providers = [f"portal.cloud.{name}" for name in folders]
    for importer in providers:
        for imported in providers:
            if importer != imported:
                assert not graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
