"""`python -m tests.browser.chromium`: makes sure that there is a Chromium for the browser tests.

The one installed is taken; else the system's package manager is asked where that needs no password; else playwright
downloads its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of an installed Chromium, or None: then playwright looks for its own."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def _own() -> bool:
    """Whether playwright has a browser of its own that is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return os.path.exists(playwright.chromium.executable_path)  # noqa: PTH110


def _by_package_manager() -> bool:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
            return False
    return find() is not None


def main() -> int:
    if find() or _own() or _by_package_manager():
        return 0
    return subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"]).returncode


if __name__ == "__main__":
    sys.exit(main())
