"""Edits an exported catalogue as a user of QGIS would; run by QGIS's own Python, not by pytest.

Usage: python3 qgis_edit.py CATALOGUE.gpkg
"""

import sys

from qgis.core import QgsApplication, QgsFeature, QgsGeometry, QgsPointXY, QgsVectorLayer, edit

OUTLINES = "facility_outlines"
POINTS = "facility_points"


def open_layer(path: str, name: str) -> QgsVectorLayer:
    """A layer of the GeoPackage, as the layer panel opens it."""
    layer = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
    if not layer.isValid():
        sys.exit(f"{name} isn't valid in QGIS")
    return layer


def find(layer: QgsVectorLayer, facility_id: str) -> QgsFeature:
    """One feature by the facility's id."""
    return next(layer.getFeatures(f"\"facility_id\" = '{facility_id}'"))


def main(path: str) -> None:
    """Moves a vertex, renames and retires a site, adds a site by clicking on the map."""
    outlines, points = open_layer(path, OUTLINES), open_layer(path, POINTS)
    with edit(outlines):
        feature = find(outlines, "aspi-0006")
        geometry = feature.geometry()
        number, corner = max(enumerate(geometry.vertices()), key=lambda vertex: vertex[1].x())
        geometry.moveVertex(corner.x() + 0.01, corner.y(), number)
        outlines.changeGeometry(feature.id(), geometry)
    with edit(points):
        feature = find(points, "aspi-0001")
        points.changeAttributeValue(feature.id(), points.fields().indexOf("name"), "Tiemenguan, renamed in QGIS")
        feature = find(points, "aspi-0002")
        points.changeAttributeValue(feature.id(), points.fields().indexOf("retired"), True)
        site = QgsFeature(points.fields())
        site.setAttribute("name", "Added in QGIS")
        site.setAttribute("security_tier", 3)
        site.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(88.0, 43.7)))
        points.addFeature(site)


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    main(sys.argv[1])
    application.exitQgis()
