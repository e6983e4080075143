"""Papers and pictures with Chinese text and a QR code, the same on every machine.

Typst and segno are loaded by the first drawing: together they are a sixth of a second of the
service's start and some twenty megabytes that most processes never use.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pylopdf_fonts_zh_cn


def typeset(
    template: Path, facts: Mapping[str, str], *, kind: Literal["pdf", "png"], ppi: float
) -> bytes:
    """A Typst template with these `sys.inputs`. A tenth of a second of a core: not on the loop."""
    import typst  # noqa: PLC0415  see above

    made = typst.compile(
        template,
        format=kind,
        ppi=ppi,
        sys_inputs=dict(facts),
        # No font of the machine's own.
        font_paths=[pylopdf_fonts_zh_cn.sans_path().parent],
        ignore_system_fonts=True,
    )
    assert isinstance(made, bytes), type(made)
    return made


def printed_code(link: str) -> str:
    """A QR code as SVG for `typeset`, with a quarter of it to spare: posters get creased."""
    import segno  # noqa: PLC0415  see above

    svg = io.BytesIO()
    segno.make(link, error="q", micro=False).save(svg, kind="svg", border=1, scale=10)
    return svg.getvalue().decode()
