"""Runs under the system's Python, which has QGIS: opens a product folder and says what QGIS makes of it, as JSON.

Usage: qgis_check.py FOLDER PICTURE SHEET FORM [CHANGE_ID VERDICT NOTE]
"""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import (
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsLayoutExporter,
    QgsLayoutItemLegend,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsAttributeForm, QgsGui
from qgis.PyQt.QtCore import QEventLoop, QSize, Qt, QTimer
from qgis.PyQt.QtWidgets import QTabWidget
from qgis.PyQt.QtXml import QDomDocument

_NOTICE = "{10000000-0000-4000-8000-000000000007}"


def main(folder, picture, sheet, form, *edit):
    application = QgsApplication([], True)
    application.initQgis()
    QgsGui.editorWidgetRegistry().initEditors()
    told = {"messages": []}
    QgsApplication.messageLog().messageReceived.connect(lambda text, *_: told["messages"].append(text))
    told |= alone(folder)
    project = QgsProject.instance()
    told["opened"] = project.read(f"{folder}/monitor.qgz")
    told |= describe(project)
    draw(project, picture)
    told["sheets"] = print_sheet(project, sheet)
    told["shown_tabs"] = fill_form(project, form)
    if edit:
        told["edited"] = verdict(project, *edit)
    json.dump(told, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # Qt ends with a crash where a form is still alive


def alone(folder):
    """A layer added without the project has its style all the same."""
    layer = QgsVectorLayer(f"{folder}/changes.gpkg|layername=changes", "changes", "ogr")
    told = {"alone": [category.value() for category in layer.renderer().categories()]}
    layer = QgsVectorLayer(f"{folder}/changes.gpkg|layername=perimeter_sides", "sides", "ogr")
    told["sides_alone"] = [category.value() for category in layer.renderer().categories()]
    layer = QgsVectorLayer(f"{folder}/perimeter_sides.geojson", "sides", "ogr")
    told["sides_geojson"] = [category.value() for category in layer.renderer().categories()]
    layer = QgsVectorLayer(f"{folder}/changes.geojson", "changes", "ogr")
    told["geojson"] = [category.value() for category in layer.renderer().categories()]
    told["geojson_date"] = layer.fields().field("valid_from").typeName()
    del layer
    return told


def describe(project):
    changes = project.mapLayer("facility_watch_changes")
    fields, form = changes.fields(), changes.editFormConfig()
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(changes))
    tips = []
    for feature in changes.getFeatures():
        context.setFeature(feature)
        tips.append(QgsExpression.replaceExpressionText(changes.mapTipTemplate(), context))
    sides = project.mapLayer("facility_watch_perimeter_sides")
    span = project.timeSettings().temporalRange()
    return {
        "crs": project.crs().authid(),
        "layers": {layer.name(): layer.isValid() for layer in project.mapLayers().values()},
        "groups": [group.name() for group in project.layerTreeRoot().children()],
        "temporal": [changes.temporalProperties().isActive(), changes.temporalProperties().startField()],
        "sides": {
            "temporal": [sides.temporalProperties().isActive(), sides.temporalProperties().startField()],
            "group": project.layerTreeRoot().findLayer(sides).parent().name(),
            "alias": sides.attributeDisplayName(sides.fields().indexOf("length_m")),
            "labels": sides.labelsEnabled(),
            "kind": QgsWkbTypes.displayString(sides.wkbType()),
            "count": sides.featureCount(),
        },
        "range": [span.begin().toString(Qt.ISODate), span.end().toString(Qt.ISODate)],
        "types": {field.name(): field.typeName() for field in fields},
        "alias": changes.attributeDisplayName(fields.indexOf("area_m2")),
        "choices": changes.editorWidgetSetup(fields.indexOf("review_status")).config().get("map"),
        "writable": [field.name() for index, field in enumerate(fields) if not form.readOnly(index)],
        "tabs": [tab.name() for tab in form.tabs()],
        "guides": {layer.name(): guide(layer) for layer in project.mapLayers().values() if hasattr(layer, "fields")},
        "abstract": changes.metadata().abstract(),
        "tips": tips,
    }


def guide(layer):
    (element,) = layer.editFormConfig().tabs()[-1].children()
    return element.toDomElement(QDomDocument()).text()  # Python sees it as an element of any kind


def draw(project, picture):
    changes = project.mapLayer("facility_watch_changes")
    root = project.layerTreeRoot()
    settings = QgsMapSettings()
    settings.setDestinationCrs(project.crs())
    settings.setOutputSize(QSize(900, 600))
    settings.setLayers([layer for layer in root.layerOrder() if root.findLayer(layer).isVisible()])
    extent = settings.layerExtentToOutputExtent(changes, changes.extent())
    extent.scale(1.6)
    settings.setExtent(extent)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(picture)


def fill_form(project, picture):
    """The last tab of the form, as a reader sees it."""
    changes = project.mapLayer("facility_watch_changes")
    form = QgsAttributeForm(changes, next(changes.getFeatures()))
    form.resize(700, 500)
    form.show()
    tabs = form.findChild(QTabWidget)
    tabs.setCurrentIndex(tabs.count() - 1)
    loop = QEventLoop()
    QTimer.singleShot(300, loop.quit)
    loop.exec_()
    form.grab().save(picture)
    return [tabs.tabText(index) for index in range(tabs.count())]


def print_sheet(project, path):
    layout = project.layoutManager().layoutByName("Facility sheet")
    atlas = layout.atlas()
    atlas.beginRender()
    count = atlas.updateFeatures()
    atlas.last()
    told = {"count": count, "legend": legend_of(layout), "notice": layout.itemByUuid(_NOTICE).currentText()}
    settings = QgsLayoutExporter.ImageExportSettings()
    settings.dpi = 80
    settings.generateWorldFile = False
    QgsLayoutExporter(layout).exportToImage(path, settings)
    atlas.endRender()
    return told


def legend_of(layout):
    (legend,) = [item for item in layout.items() if isinstance(item, QgsLayoutItemLegend)]
    return [layer.name() for layer in legend.model().rootGroup().findLayers()]


def verdict(project, change_id, status, note):
    changes = project.mapLayer("facility_watch_changes")
    changes.startEditing()
    for feature in changes.getFeatures(f"\"change_id\" = '{change_id}'"):
        feature["review_status"] = status
        feature["review_note"] = note
        changes.updateFeature(feature)
    return changes.commitChanges()


main(*sys.argv[1:])
