"""The browser of the journeys: one that is installed, else one that playwright or apt installs.

`python -m tests.harness.chromium` makes sure that there is one, and says which.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No chatter to other hosts, and nothing that needs a display or a large /dev/shm.
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-dev-shm-usage",
]


def find() -> str | None:
    """The path of a Chromium on PATH or of playwright's own; None where there is neither."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def arguments() -> list[str]:
    """Chromium refuses its sandbox to root."""
    return [*ARGUMENTS, "--no-sandbox"] if os.getuid() == 0 else ARGUMENTS


def install() -> None:
    """By playwright into the user's cache; where that fails and we are root, by apt."""
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"]).returncode == 0:
        return
    if os.getuid() == 0 and shutil.which("apt-get"):
        print("playwright could not install Chromium; asking apt …", flush=True)
        subprocess.run("apt-get update -qq && apt-get install -y -qq chromium", shell=True, check=False)


def main() -> int:
    """0 where a browser is there in the end."""
    if found := find():
        print(f"Browser for the journeys: {found}")
        return 0
    print("No Chromium is installed; installing one by playwright …", flush=True)
    install()
    if found := find():
        print(f"Browser for the journeys: {found}, installed just now")
        return 0
    print("No Chromium could be installed. Install chromium or google-chrome, then run this again.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
