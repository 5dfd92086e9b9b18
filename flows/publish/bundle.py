"""Images as a script: what a page on disk can read, where a browser lets it read no file."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from flows.publish.names import safe_name


def write_bundle(change_id: str, facility_id: str, names: Sequence[str], folder: Path) -> str:
    """Writes `site/chips/<facility>/<change>.js`, which hands the page the bytes of a change's images.

    A page opened from disk may show an image and run a script beside it, but it may read the bytes of neither
    (HTML Standard, opaque origins), so the archive of chips is filled from scripts that are loaded on demand.

    Args:
        change_id: Whose images.
        facility_id: Where.
        names: Paths of the images, relative to the product folder.
        folder: Product folder.

    Returns:
        Relative path of the script.
    """
    path = f"site/chips/{safe_name(facility_id)}/{safe_name(change_id)}.js"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    entries = {name: base64.b64encode((folder / name).read_bytes()).decode("ascii") for name in names}
    (folder / path).write_text(
        f"FW_archive.take({json.dumps(path)}, {json.dumps(entries)});\n", encoding="ascii", newline="\n"
    )
    return path
