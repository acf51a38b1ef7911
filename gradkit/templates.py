"""Fill the templates of a package: pages, scripts, what students start from."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(package: str) -> Environment:
    """Return the templates in the folder ``templates`` of a package.

    What goes into ``NAME.html`` is escaped, unless it is `Markup`. A name without a value is an
    error.
    """
    # Late: a check of one submission has no use for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fill(package: str, template: str, **values: object) -> str:
    """Fill a template, and end it with a newline."""
    return environment(package).get_template(template).render(**values).rstrip("\n") + "\n"
