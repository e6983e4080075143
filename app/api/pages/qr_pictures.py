"""QR codes inside a page, as SVG that CSS may size."""

from markupsafe import Markup


def qr_svg(text: str) -> Markup:
    import segno  # noqa: PLC0415  heavy, and rarely needed

    svg = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, border=1)
    return Markup(svg)  # noqa: S704  nothing but paths: the text is in the squares
