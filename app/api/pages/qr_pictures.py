"""QR codes inside a page, as SVG that CSS may size."""

import segno
from markupsafe import Markup


def qr_svg(text: str) -> Markup:
    svg = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, border=1)
    return Markup(svg)  # noqa: S704  nothing but paths: the text is in the squares
