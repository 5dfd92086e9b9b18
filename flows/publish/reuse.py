"""Pictures that need not be made again: those whose recipe is the same and whose files nobody has touched."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from flows.change import Change
from flows.publish.evidence import Evidence
from flows.publish.manifest import MANIFEST, earlier_manifest, listed_files, sha256_of
from flows.publish.picture import Stretch
from flows.publish.series import frames_of
from flows.record import FacilityRecord

RECIPES = "evidence/recipes.json"
DRAWN = ".drawn"

# Programs that draw: another version of them makes every picture anew.
_DRAWING = ("bundle.py", "evidence.py", "picture.py", "series.py", "palette.py")


class EarlierPictures:
    """The pictures of the products that stand, each with the hash of everything that it was made from.

    A weekly run finds most changes as they were. Their scenes needn't be prepared again: what was drawn is taken over,
    byte for byte, after its hash has been compared with the manifest.
    """

    def __init__(self, outputs: Path) -> None:
        self._outputs = outputs
        self._noted: dict[str, Mapping[str, Any]] = {}
        self._hashes, self._recipes = _published(outputs, _stamp(outputs / MANIFEST))
        self._drawn: dict[str, tuple[Path, Mapping[str, Any]]] = {}

    def take_drawn(self) -> None:
        """Adds what workers have drawn since."""
        for path in sorted((self._outputs / DRAWN).glob(f"*/{RECIPES}")):
            folder = path.parents[len(Path(RECIPES).parts) - 1]
            if folder.suffix != ".unfinished":
                notes = json.loads(path.read_text(encoding="utf-8"))
                self._drawn.update({key: (folder, entry) for key, entry in notes.items()})

    def take(self, key: str, recipe: str, folder: Path) -> Any | None:
        """What was noted of a picture, its files now also in `folder`; None where it has to be made."""
        place, entry = self._outputs, self._recipes.get(key)
        if entry is None or entry["recipe"] != recipe or not all(self._stands(name) for name in entry["files"]):
            place, entry = self._drawn.get(key, (place, None))
            if entry is None or entry["recipe"] != recipe:
                return None
        for name in entry["files"]:
            _share(place / name, folder / name)
        self._noted[key] = entry
        return entry["facts"]

    def note(self, key: str, recipe: str, names: Sequence[str], facts: Any) -> None:
        """Notes a picture that was made, for the next time."""
        self._noted[key] = {"recipe": recipe, "files": list(names), "facts": facts}

    def write(self, folder: Path) -> None:
        """Writes the notes beside the pictures."""
        if self._noted:
            text = json.dumps(self._noted, ensure_ascii=False, indent=0)
            (folder / RECIPES).write_text(text + "\n", encoding="utf-8", newline="\n")

    def _stands(self, name: str) -> bool:
        return _stands(self._outputs, self._hashes, name)


@lru_cache(maxsize=1)
def _published(outputs: Path, stamp: tuple[int, int] | None) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    """Hashes and notes of the products that stand. Read once in each process: a worker draws for many facilities."""
    manifest = earlier_manifest(outputs) if stamp else None
    if manifest is None:
        return {}, {}
    hashes = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    hashes = {name: hashes[name] for name in listed_files(manifest)}
    stands = _stands(outputs, hashes, RECIPES)
    return hashes, json.loads((outputs / RECIPES).read_text(encoding="utf-8")) if stands else {}


def _stamp(path: Path) -> tuple[int, int] | None:
    """What tells one state of a file from another; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ino


def _stands(outputs: Path, hashes: Mapping[str, str], name: str) -> bool:
    path = outputs / name
    return name in hashes and path.is_file() and sha256_of(path) == hashes[name]


def _share(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # not every file system has links
        shutil.copyfile(source, target)


def recipe_of_change(change: Change, record: FacilityRecord, drawing: str) -> str:
    """Hash of everything that decides the images of a change: its outline, scenes and words, and how it is drawn."""
    words = (change.change_id, change.change_type, str(change.status), change.attribution)
    scenes = (change.before_item_id, change.before_acquired_at, change.after_item_id, change.after_acquired_at)
    return _hash(change.geometry.wkb_hex, *words, *scenes, record.parameters_sha256, drawing)


def recipe_of_series(record: FacilityRecord, drawing: str) -> str:
    """Hash of everything that decides the animated series of a facility."""
    scenes = [(scene.item_id, scene.acquired_at, scene.attribution) for scene in frames_of(record)]
    return _hash(record.facility.facility_id, scenes, record.parameters_sha256, drawing)


def drawing_version(software_version: str) -> str:
    """Hash of the programs that draw, and the version of everything else."""
    programs = (files("flows.publish").joinpath(name).read_bytes() for name in _DRAWING)
    return _hash(software_version, *(hashlib.sha256(program).hexdigest() for program in programs))


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def facts_of(evidence: Evidence) -> dict[str, Any]:
    """What has to be known of a change's images beside the files."""
    change = evidence.change
    return {
        "before": change.evidence_before,
        "after": change.evidence_after,
        "sha256": change.evidence_sha256,
        "rings": evidence.rings,
        "panel_share": evidence.panel_share,
        "stretch": [evidence.stretch.low, evidence.stretch.high],
        "rasters": evidence.rasters,
        "extent_m": evidence.extent_m,
        "bundle": evidence.bundle,
        "size_bytes": evidence.size_bytes,
    }


def evidence_from(facts: Mapping[str, Any], change: Change) -> Evidence:
    """The evidence that `facts_of` was told of."""
    filled = replace(
        change, evidence_before=facts["before"], evidence_after=facts["after"], evidence_sha256=facts["sha256"]
    )
    return Evidence(
        filled,
        [[(x, y) for x, y in ring] for ring in facts["rings"]],
        {moment: (width, height) for moment, (width, height) in facts["panel_share"].items()},
        Stretch(*facts["stretch"]),
        dict(facts["rasters"]),
        (facts["extent_m"][0], facts["extent_m"][1]),
        facts["bundle"],
        facts["size_bytes"],
    )


def files_of(evidence: Evidence) -> list[str]:
    """Paths of a change's images and of the script that holds them, relative to the product folder."""
    change = evidence.change
    pictures = (change.evidence_before, change.evidence_after, *evidence.rasters.values(), evidence.bundle)
    return sorted(path for path in pictures if path)
