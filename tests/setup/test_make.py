"""What the Makefile says where this machine lacks something."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.processes import BASE

TOOLS = ("sh", "make", "cksum", "tr", "cat", "rm", "touch", "tail", "env", "mktemp")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with the Makefile alone, and a PATH (bin/) with no Python."""
    for file in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(BASE / file, tmp_path / file)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool}"))
    return tmp_path


def make_run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "bin" / "make", "run"],
        cwd=folder,
        env={"PATH": str(folder / "bin"), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_an_old_python_is_one_line(bare: Path) -> None:
    old = bare / "bin" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # what `sys.exit(not 3.11 <= version <= 3.12)` gives on any other
    old.chmod(0o755)
    done = make_run(bare)
    assert done.returncode != 0
    assert "Skydeck needs Python 3.11 or 3.12" in done.stderr
    assert not (bare / ".venv").exists()


@pytest.mark.slow
def test_no_network_for_pip_is_one_line(bare: Path) -> None:
    (bare / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
    done = make_run(bare, **nowhere)
    assert done.returncode != 0
    assert "Could not install the libraries. No network?" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
