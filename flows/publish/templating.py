"""Templates of pages, styles and project files; whatever is put into them is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.publish.table import clean_text


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("flows.publish", "data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda content: clean_text(content) if type(content) is str else content,
    )


def render(template: str, **context: Any) -> str:
    """A template with its blanks filled. HTML and XML share the escapes that Jinja makes (`&lt;`, `&#34;`).

    Args:
        template: Path under `flows/publish/data`.
        context: What the template names; a name that is missing is an error.
    """
    return _environment().get_template(template).render(**context)
