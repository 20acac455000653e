"""HTML from the templates of this package; what is put into them is escaped."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mslesion.reports.marks import STATE_WORDS
from mslesion.reports.values import is_number

RESEARCH_USE = (
    "Research use only. Not a medical device. Not validated for individual prognosis. MRI measures "
    "of progression are associated with outcome at group level; a single patient's values are "
    "dominated by measurement error for intervals under two years. Low values do not show absence "
    "of disease."
)


@cache
def _templates() -> Environment:
    """The templates, loaded on first use."""
    templates = Environment(
        loader=PackageLoader("mslesion.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["included"] = included
    templates.globals["research_use"] = RESEARCH_USE
    templates.globals["state_words"] = STATE_WORDS
    templates.globals["is_number"] = is_number
    return templates


def included(name: str) -> Markup:
    """A style sheet or script of this package, to be put into a page as it is.

    Parameters
    ----------
    name : str
        Path below ``mslesion/reports``.

    Returns
    -------
    Markup
    """
    return Markup(files("mslesion.reports").joinpath(name).read_text("utf-8"))


def render(template: str, **values) -> str:
    """A page.

    Parameters
    ----------
    template : str
        File below ``mslesion/reports/templates``.
    **values
        What the template names.

    Returns
    -------
    str

    Raises
    ------
    jinja2.UndefinedError
        If the template names what was not given.
    """
    return _templates().get_template(template).render(**values)
