"""What the chart library would write into a page, so that the page can tell it not to.

Under ``style-src 'self'`` each style element that it adds is a violation in the browser's console. It adds
none where an element with its id is there already.
"""

from __future__ import annotations

import re
from functools import lru_cache

from app.static import plotly_path

GLOBAL = "plotly.js-style-global"
_GUARD = re.compile(r'getElementById\("([0-9a-f]{64})"\)\)\{var \w+=document\.createElement\("style"\)')


@lru_cache(maxsize=1)
def injected_styles() -> tuple[str, ...]:
    """Ids of the style elements that the installed library adds to a page that has none with them."""
    path = plotly_path()
    text = path.read_text("utf-8") if path is not None else ""
    return (GLOBAL, *dict.fromkeys(_GUARD.findall(text)))
