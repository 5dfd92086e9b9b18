"""File names from ids that somebody else chose."""

from __future__ import annotations

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 80


def safe_name(text: str) -> str:
    """A file name that holds no path, no blank and nothing that a URL or a shell reads differently.

    An id that has to be changed gets a few letters of its hash, so that two ids never share a file.

    >>> safe_name("aspi-0050")
    'aspi-0050'
    >>> safe_name("../etc/passwd")
    'etc_passwd-7fef78f5'
    """
    plain = _UNSAFE.sub("_", text).strip("_-")[:_LONGEST]
    if plain == text:
        return plain
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}-{digest}" if plain else digest
