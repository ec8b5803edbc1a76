"""How things look: AWS's colours and shapes, in the words of draw.io's styles.

Shapes and colours of https://aws.amazon.com/architecture/icons/ as draw.io names them; the names that are used here
must be in `stencils.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

INK, GREY, PAPER, PALE = "#232F3E", "#545B64", "#FFFFFF", "#F7F8FA"
COMPUTE, NETWORK, DATABASE, STORAGE = "#ED7100", "#8C4FFF", "#C925D1", "#7AA116"
SECURITY, MANAGEMENT, CONTAINERS = "#DD344C", "#E7157B", "#ED7100"
GREEN_FLOW, TEAL, AZURE = "#5F7F10", "#00A4A6", "#147EBA"

FONT = "Helvetica"
TITLE_SIZE, TEXT_SIZE, FRAME_SIZE = 12, 10, 12


class Icon(NamedTuple):
    """A shape of `mxgraph.aws4` with its colour."""

    name: str
    colour: str
    square: bool = True
    """Whether it is a service on a coloured square, else a resource drawn in lines."""


class Frame(NamedTuple):
    """What stands around other things."""

    icon: str
    """The group's shape, or nothing for a plain frame."""
    stroke: str
    fill: str = "none"
    ink: str = ""
    dashed: bool = False
    rounded: bool = False


CLOUD = Frame("group_aws_cloud_alt", INK)
ACCOUNT = Frame("group_account", "#CD2264", ink="#A81B50")
REGION = Frame("group_region", TEAL, ink="#007A7C", dashed=True)
VPC = Frame("group_vpc2", NETWORK, ink="#6B2FD9")
ZONE = Frame("", AZURE, ink="#0F6A9E", dashed=True)
PUBLIC = Frame("group_security_group", STORAGE, "#F2F6E8", "#4D6B0B")
PRIVATE = Frame("group_security_group", TEAL, "#E6F6F7", "#0B6E76")
ISOLATED = Frame("group_security_group", AZURE, "#E9F3FB", "#0F5F8E")
SCALING = Frame("group_auto_scaling_group", COMPUTE, ink="#B85600", dashed=True)
SERVICE = Frame("", COMPUTE, PAPER, "#B85600", dashed=True, rounded=True)
SPANNING = Frame("", NETWORK, PAPER, "#6B2FD9", dashed=True, rounded=True)
FILES = Frame("", STORAGE, PAPER, "#4D6B0B", dashed=True, rounded=True)
PANEL = Frame("", "#D5DBDB", PALE, GREY, rounded=True)
CARD = Frame("", "#D5DBDB", PAPER, GREY, rounded=True)
GROUP = Frame("", SECURITY, "#FDF3F4", "#A3172D", dashed=True, rounded=True)
PIPELINE = Frame("", "#C925D1", "#FCF4FC", "#8A1790", rounded=True)
STAGE = Frame("", "#C925D1", PAPER, "#8A1790", rounded=True)


class Line(NamedTuple):
    """How a connection is drawn."""

    colour: str
    width: float = 1.5
    dashed: bool = False
    arrow: str = "block"


TRAFFIC = Line(INK)
DATA = Line(DATABASE)
FILE = Line(GREEN_FLOW)
PEOPLE = Line(SECURITY, dashed=True)
CONTROL = Line(MANAGEMENT, dashed=True)
COPY = Line(AZURE, dashed=True)
RELATION = Line(GREY, 1, dashed=True, arrow="open")

LABEL_BELOW = "verticalLabelPosition=bottom;verticalAlign=top;align=center;spacingTop=1;"
LABEL_RIGHT = "labelPosition=right;verticalLabelPosition=middle;align=left;verticalAlign=middle;spacingLeft=6;"
LABEL_ABOVE = "verticalLabelPosition=top;verticalAlign=bottom;align=center;"
LABEL_LEFT = "labelPosition=left;verticalLabelPosition=middle;align=right;verticalAlign=middle;spacingRight=6;"

Place = Literal["below", "right", "above", "left"]
LABELS: Mapping[Place, str] = {"below": LABEL_BELOW, "right": LABEL_RIGHT, "above": LABEL_ABOVE, "left": LABEL_LEFT}


def icon_style(icon: Icon, label: Place, paper: bool) -> str:
    """Return the style of an icon with its label at a place; `paper` hides what is behind it."""
    background = f"labelBackgroundColor={PAPER};" if paper else ""
    base = (
        f"sketch=0;outlineConnect=0;gradientColor=none;fontFamily={FONT};fontColor={INK};fontSize={TITLE_SIZE};"
        f"html=1;dashed=0;aspect=fixed;{LABELS[label]}{background}"
    )
    if icon.square:
        shape = f"shape=mxgraph.aws4.resourceIcon;resIcon=mxgraph.aws4.{icon.name};"
        return f"{base}strokeColor={PAPER};fillColor={icon.colour};{shape}"
    return f"{base}strokeColor=none;fillColor={icon.colour};shape=mxgraph.aws4.{icon.name};"


def frame_style(frame: Frame, title_in_middle: bool) -> str:
    """Return the style of a frame."""
    corner = "rounded=1;absoluteArcSize=1;arcSize=8;" if frame.rounded else ""
    align = "align=center;" if title_in_middle else f"align=left;spacingLeft={30 if frame.icon else 8};"
    shape = f"shape=mxgraph.aws4.group;grIcon=mxgraph.aws4.{frame.icon};" if frame.icon else ""
    return (
        f"outlineConnect=0;gradientColor=none;html=1;whiteSpace=wrap;fontFamily={FONT};fontSize={FRAME_SIZE};"
        f"fontStyle=0;container=1;pointerEvents=0;collapsible=0;recursiveResize=0;{shape}{corner}"
        f"strokeColor={frame.stroke};fillColor={frame.fill};verticalAlign=top;{align}"
        f"{'' if frame.icon else 'spacingTop=2;'}fontColor={frame.ink or frame.stroke};dashed={int(frame.dashed)};"
    )


def text_style(size: float, colour: str, bold: bool, align: str) -> str:
    """Return the style of text on the page."""
    return (
        f"text;html=1;strokeColor=none;fillColor=none;align={align};verticalAlign=middle;"
        f"whiteSpace=nowrap;spacing=0;fontFamily={FONT};fontSize={size:g};fontStyle={int(bold)};fontColor={colour};"
    )


def line_style(line: Line) -> str:
    """Return the style of a connection."""
    filled = "endFill=1;endSize=5;" if line.arrow == "block" else "endFill=0;endSize=6;"
    return (
        f"edgeStyle=orthogonalEdgeStyle;rounded=1;arcSize=10;html=1;jumpStyle=arc;jumpSize=8;fontFamily={FONT};"
        f"fontSize={TEXT_SIZE};fontColor={INK};labelBackgroundColor={PAPER};strokeColor={line.colour};"
        f"strokeWidth={line.width:g};dashed={int(line.dashed)};endArrow={line.arrow};{filled}"
    )


def badge_style(colour: str) -> str:
    """Return the style of a numbered dot."""
    return (
        f"ellipse;html=1;aspect=fixed;fillColor={colour};strokeColor={PAPER};strokeWidth=1.5;fontFamily={FONT};"
        f"fontColor={PAPER};fontSize=10;fontStyle=1;spacing=0;"
    )


BACKING = f"rounded=0;fillColor={PAPER};strokeColor=none;html=1;"
"""What hides a frame's line behind an icon that stands on it."""
