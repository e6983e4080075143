"""QR codes inside a page, as SVG that CSS may size."""

import segno
from markupsafe import Markup


def qr_svg(text: str) -> Markup:
    return Markup(segno.make(text, error="m", micro=False).svg_inline(omitsize=True, border=1))  # noqa: S704
