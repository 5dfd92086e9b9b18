"""The columns of every published table besides the change layer's own (`flows.change.FIELDS`)."""

from __future__ import annotations

from flows.change import FieldType, PublishedField


def _fields(*rows: tuple[str, FieldType, str, str]) -> tuple[PublishedField, ...]:
    return tuple(PublishedField(*row) for row in rows)


FACILITY_FIELDS = _fields(
    ("facility_id", "text", "", "Permanent id"),
    ("facility_name", "text", "", "As the catalogue writes it"),
    ("facility_kind", "text", "", "camp, factory_park, factory_park_search_area or custom"),
    ("prefecture", "text", "", "From the catalogue; empty where unknown"),
    ("county", "text", "", "From the catalogue; empty where unknown"),
    ("security_tier", "integer", "", "1 (lowest) to 4 (highest), from the catalogue"),
    ("series", "text", "", "Animated series of its clear scenes, relative path"),
    ("growth_chart", "text", "", "Chart of the ground taken over time, relative path"),
    ("longitude", "real", "°", "WGS 84; of the position, or of the outline's centroid"),
    ("latitude", "real", "°", "WGS 84; of the position, or of the outline's centroid"),
    ("outline_known", "text", "", "yes where the catalogue has a perimeter, no where it has a position alone"),
    ("buffer_m", "real", "m", "How far around the position or outline is watched"),
    ("retired", "text", "", "yes where the catalogue no longer lists it and it is kept for its changes"),
    ("watched_from", "datetime", "UTC", "Start of the period asked for"),
    ("watched_to", "datetime", "UTC", "End of the period asked for"),
    ("outcome", "text", "", "Of the newest run: assessed, not_assessable or failed"),
    ("reason", "text", "", "Why it was not assessable or failed"),
    ("scenes_found", "integer", "", "Scenes found over the whole period"),
    ("clear_scenes", "integer", "", "Scenes clear enough to be used"),
    ("changes_standing", "integer", "", "Changes on record that are neither withdrawn nor rejected by a reviewer"),
    ("changes_confirmed", "integer", "", "Those of them that are confirmed"),
    ("changes_withdrawn", "integer", "", "Changes that are no longer supported"),
    ("ground_taken_m2", "real", "m²", "Ground taken by confirmed works that stand, overlaps counted once"),
    ("sources", "text", "", "Where the facts are from"),
    ("attribution", "text", "", "What a publication has to say of the facts' origin"),
)

SIDE_FIELDS = _fields(
    ("side_id", "text", "", "Change and place in its ring; kept while the ring keeps its corners and divisions"),
    ("change_id", "text", "", "The perimeter change whose ring it is a side of"),
    ("facility_id", "text", "", "Facility that the change belongs to"),
    ("facility_name", "text", "", "As the catalogue writes it"),
    ("prefecture", "text", "", "From the catalogue"),
    ("change_type", "text", "", "Of the change: perimeter_added, perimeter_extended or perimeter_removed"),
    ("status", "text", "", "Of the change: first, provisional, confirmed or withdrawn"),
    ("review_status", "text", "", "A person's verdict on the change: unreviewed, accepted, rejected or unsure"),
    ("side_number", "integer", "", "Place in the ring, from 1; what divides it comes after the outline"),
    ("role", "text", "", "outline, or interior: a line from side to side that divides the ring"),
    ("valid_from", "datetime", "UTC", "Of the change: acquisition of the first scene that shows it"),
    (
        "valid_to",
        "datetime",
        "UTC",
        "Of the change: first scene without it, or with it open; null while it stands",
    ),
    (
        "first_seen",
        "datetime",
        "UTC",
        "First clear scene since the onset in which most of the side is seen; null if none",
    ),
    (
        "last_seen",
        "datetime",
        "UTC",
        "Newest clear scene since the onset in which most of the side is seen; null if none",
    ),
    ("length_m", "real", "m", "Length of the side"),
    ("strength", "real", "0..1", "Share of its length seen as a line in the scenes since the onset together"),
    ("scenes_seen", "integer", "", "Clear scenes since the onset in which most of the side is seen"),
    ("scenes_clear", "integer", "", "Clear scenes since the onset, until the perimeter was gone"),
    ("gsd_m", "real", "m", "Native pixel size used"),
    ("attribution", "text", "", "What a publication has to say of the imagery's origin"),
)

COVERAGE_FIELDS = _fields(
    ("facility_id", "text", "", "Facility"),
    ("facility_name", "text", "", "As the catalogue writes it"),
    ("facility_kind", "text", "", "camp, factory_park, factory_park_search_area or custom"),
    ("prefecture", "text", "", "From the catalogue"),
    ("county", "text", "", "From the catalogue"),
    ("detector", "text", "", "What was looked for: the detector's name"),
    ("period_start", "datetime", "UTC", "Start of the calendar month, or of the watched period within it"),
    ("period_end", "datetime", "UTC", "End of the calendar month, or of the watched period within it"),
    ("state", "text", "", "assessed or not_assessable; not assessable is never the same as unchanged"),
    ("reason", "text", "", "Why it was not assessable"),
    ("scenes_found", "integer", "", "Scenes found in the period"),
    ("clear_scenes", "integer", "", "Scenes of the period that were clear enough to be used"),
    ("best_clear_fraction", "real", "0..1", "Clear share of the watched area in the clearest scene of the period"),
)

RETRACTION_FIELDS = _fields(
    ("change_id", "text", "", "The change that was withdrawn or corrected"),
    ("facility_id", "text", "", "Facility that it belongs to"),
    ("facility_name", "text", "", "As the catalogue writes it"),
    ("prefecture", "text", "", "From the catalogue"),
    ("change_type", "text", "", "As it stands on record now"),
    (
        "event",
        "text",
        "",
        "withdrawn, restored, shrunk, reclassified, onset_corrected, or rejected by a reviewer",
    ),
    ("retracted_at", "datetime", "UTC", "Acquisition of the scene that moved it; time of the verdict for a rejection"),
    ("item_id", "text", "", "That scene"),
    ("status_before", "text", "", "Status that it had been published with"),
    ("status_after", "text", "", "Status from then on"),
    ("area_m2", "real", "m²", "Area from then on"),
    ("reason", "text", "", "Why"),
)

HISTORY_FIELDS = _fields(
    ("change_id", "text", "", "Change"),
    ("facility_id", "text", "", "Facility that it belongs to"),
    ("change_type", "text", "", "As it stands on record now"),
    ("at", "datetime", "UTC", "Acquisition of the scene that moved it"),
    ("item_id", "text", "", "That scene"),
    ("event", "text", "", "What moved: found, status_moved, grown, shrunk, ended, withdrawn, ..."),
    ("status", "text", "", "Status from then on"),
    ("stage", "text", "", "Stage of the works from then on: cleared, under_construction or built"),
    ("area_m2", "real", "m²", "Area from then on"),
    ("length_m", "real", "m", "Ring length from then on, for perimeters"),
    ("note", "text", "", "Why, for a withdrawal or a correction"),
)

BUILT_UP_FIELDS = _fields(
    ("facility_id", "text", "", "Facility"),
    ("acquired_at", "datetime", "UTC", "Acquisition of a clear scene"),
    ("ground_taken_m2", "real", "m²", "Ground taken by confirmed works by then; overlaps are counted twice"),
    ("cleared_m2", "real", "m²", "That of works without a building to be seen"),
    ("under_construction_m2", "real", "m²", "That of works with buildings that go on"),
    ("built_m2", "real", "m²", "That of works that have ended, buildings and yards"),
    ("works", "integer", "", "How many works took it"),
)

SUMMARY_FIELDS = _fields(
    ("prefecture", "text", "", "From the catalogue"),
    ("quarter", "text", "", "Calendar quarter of the onset"),
    ("facility_kind", "text", "", "Camps and factory parks are counted apart"),
    ("facilities_watched", "integer", "", "Facilities of that kind in the prefecture that were watched in the quarter"),
    ("facilities_assessed", "integer", "", "Those of them that could be assessed at least once in the quarter"),
    ("changes", "integer", "", "Confirmed changes with their onset in the quarter, none that a reviewer rejected"),
    ("new_ground_ha", "real", "ha", "Ground taken by them, overlaps within a facility counted once"),
    ("ground_removed_ha", "real", "ha", "Area of the removals among them"),
    ("new_wall_m", "real", "m", "Wall of the added perimeters, and what extended ones exceed their predecessor by"),
    ("wall_removed_m", "real", "m", "Wall of the removed perimeters"),
)
