"""Other people's lists of places: read, checked row by row, and turned into facilities."""

from aoi.importers.importer import Import, import_file
from aoi.importers.rows import ImportOptions
from aoi.importers.table import RowNote

__all__ = ["Import", "ImportOptions", "RowNote", "import_file"]
