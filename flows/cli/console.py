"""How the command line speaks: for a person at a terminal, plain and quiet into a pipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from flows.progress import Progress, listening

output = Console(highlight=False, soft_wrap=True)
messages = Console(stderr=True, highlight=False)


def show_table(rows: Sequence[Mapping[str, object]], title: str = "") -> None:
    """Prints rows as a table at a terminal, tab-separated into a pipe."""
    if not rows:
        return
    if not output.is_terminal:
        for cells in (rows[0], *(row.values() for row in rows)):
            typer.echo("\t".join(str(cell) for cell in cells))
        return
    table = Table(title=title or None, title_justify="left", show_lines=True)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row.values()))
    Console(highlight=False).print(table)


def show_products(files: Sequence[str], outputs: Path) -> None:
    """Says where products are: files by name, folders by how much is in them."""
    folders = Counter(PurePosixPath(name).parts[0] + "/" for name in files if "/" in name)
    output.print(f"Products in {outputs}:", markup=False)
    for name in sorted(name for name in files if "/" not in name):
        output.print(f"  {name}", markup=False)
    for name, count in sorted(folders.items()):
        output.print(f"  {name} ({count} files)", markup=False)
    say("Start with site/index.html in a browser, or monitor.qgz in QGIS.")


def say(text: str) -> None:
    """Prints a line for a person; nothing into a pipe."""
    if output.is_terminal:
        output.print(text, markup=False)


@contextmanager
def progress_bar(waiting: str) -> Iterator[None]:
    """Shows how far the flow inside the block is; nothing where standard error is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        shown = bar.add_task(waiting, total=None)

        def update(progress: Progress) -> None:
            bar.update(shown, completed=progress.done, total=progress.total, description=progress.label)

        with listening(update):
            yield
