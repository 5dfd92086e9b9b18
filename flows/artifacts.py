"""What Prefect shows of a run: what was found, what was not observed, pictures, and the way to the products."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from prefect.artifacts import create_image_artifact, create_link_artifact, create_table_artifact

from flows.record import Outcome
from flows.settings import Settings
from flows.summary import RunSummary

_PAGE = "site/index.html"
_MOST_PICTURES = 10


def show(summary: RunSummary, outputs: Path) -> None:
    """Makes the artifacts of a run.

    Args:
        summary: What came of it.
        outputs: Where its products are.
    """
    rows = summary.rows()
    found = [row for one, row in zip(summary.facilities, rows, strict=True) if one.changes]
    unseen = [row for one, row in zip(summary.facilities, rows, strict=True) if one.outcome is not Outcome.ASSESSED]
    create_table_artifact(key="changes", table=found, description="Changes on record")
    create_table_artifact(key="not-observed", table=unseen, description="Where nothing can be said, and why")
    root = Settings().products_url or outputs.absolute().as_uri()
    if _PAGE in summary.products:
        create_link_artifact(link=f"{root}/{_PAGE}", link_text="Open the products", key="products")
    if Settings().products_url:
        for path in [name for name in summary.products if name.endswith(("_before.png", "_after.png"))][
            :_MOST_PICTURES
        ]:
            create_image_artifact(image_url=f"{root}/{quote(path)}", description=Path(path).stem)
