"""Makes pages that are one file each: nothing else is needed to read one, no address, no server."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent


def render(template: Path, **values: Any) -> str:
    """Fill a template. What is not Markup is escaped; ``style`` is the style that pages share."""
    places = FileSystemLoader([template.parent, HERE])
    environment = Environment(
        loader=places,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup((HERE / 'style.css').read_text(encoding='utf-8'))
    return environment.get_template(template.name).render(style=style, **values)
