"""A process that decodes images: it loads decoding.py by its path, so it starts without Netloom and its libraries.

It reads a line of JSON with the job, then lines "start stop"; for each it decodes these images into the file, and
prints a line of JSON with those that cannot be used: [[number, why], ...].
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any


def decode(job: dict[str, Any], start: int, stop: int, functions: dict[str, Any], images: Any, masks: Any) -> list[Any]:
    """Decode some images into the arrays; those that cannot be used, with the reason."""
    options, failed = job["options"], []
    for number in range(start, stop):
        try:
            images[number] = functions["read_image"](job["names"][number], **options)
            if masks is not None:
                size = {key: options[key] for key in ("height", "width", "resize")}
                masks[number] = functions["read_mask"](job["masks"][number], values=tuple(job["values"]), **size)
        except ValueError as error:
            failed.append([number, str(error)])
        except OSError as error:
            failed.append([number, f"it cannot be read ({error.strerror or 'damaged'})"])
        except Exception:  # a decoder that fails on a broken file fails in its own ways
            failed.append([number, "it is damaged"])
    return failed


def main() -> None:
    import numpy as np

    functions = runpy.run_path(str(Path(__file__).with_name("decoding.py")))
    job = json.loads(sys.stdin.readline())
    images = np.memmap(job["images_file"], np.uint8, "r+", shape=tuple(job["shape"]))
    masks = None
    if job["masks"]:
        masks = np.memmap(job["masks_file"], np.uint8, "r+", shape=(job["shape"][0], *job["shape"][2:]))
    for line in sys.stdin:
        start, stop = map(int, line.split())
        failed = decode(job, start, stop, functions, images, masks)
        print(json.dumps(failed), flush=True)


if __name__ == "__main__":
    main()
