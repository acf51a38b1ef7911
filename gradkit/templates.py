"""Fill the templates of a package, such as pages, scripts and starter files."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(package: str) -> Environment:
    """Return the templates in the folder ``templates`` of a package.

    Values in templates ``NAME.html`` are escaped, unless they are `Markup`. A name without a value
    raises an error.
    """
    # Imported here since a check of a single submission does not need it.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fill(package: str, template: str, **values: object) -> str:
    """Fill a template of a package, and return the text with one newline at its end."""
    return environment(package).get_template(template).render(**values).rstrip("\n") + "\n"
