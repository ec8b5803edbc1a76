"""How wide text becomes, by Adobe's metrics of Helvetica, the face in which draw.io writes.

Machines without Helvetica take Arial or Liberation Sans, which were made with the same widths.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from fontTools.afmLib import AFM
from fontTools.agl import UV2AGL

FACES = {False: "Helvetica.afm", True: "Helvetica-Bold.afm"}
LINE_HEIGHT = 1.2
"""As browsers and draw.io set lines."""

UNKNOWN = 1.0
"""Width in ems of what the face does not have, such as arrows: as wide as any letter."""


def width_of(text: str, size: float, bold: bool = False) -> float:
    """Return the width of one line of text in pixels."""
    return size * sum(_width(character, bold) for character in text)


@lru_cache(maxsize=1024)
def _width(character: str, bold: bool) -> float:
    face = _face(bold)
    name = UV2AGL.get(ord(character), "")
    return float(face[name][1]) / 1000 if face.has_char(name) else UNKNOWN


@lru_cache(maxsize=2)
def _face(bold: bool) -> Any:
    import matplotlib as mpl

    read: Any = AFM
    return read(str(Path(mpl.get_data_path()) / "fonts" / "pdfcorefonts" / FACES[bold]))
