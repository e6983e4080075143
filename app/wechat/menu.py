"""The custom menu: up to three buttons, each an action or a list of up to five.

POST /cgi-bin/menu/create (developers.weixin.qq.com …/Creating_Custom-Defined_Menu.html; wechatpy's
error codes 40016 and 40023 for the counts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid

BUTTONS_MAX, SUB_BUTTONS_MAX = 3, 5


class MenuInvalid(Invalid):
    title = "自定义菜单最多三个按钮，每个按钮最多五个子按钮"


@dataclass(frozen=True)
class ClickButton:
    """Pushes a CLICK event with the key."""

    name: str
    key: str


@dataclass(frozen=True)
class ViewButton:
    name: str
    url: str


@dataclass(frozen=True)
class MiniProgramButton:
    """`url` is for phones too old for mini-programs."""

    name: str
    appid: str
    page: str
    url: str


Action = ClickButton | ViewButton | MiniProgramButton


@dataclass(frozen=True)
class Submenu:
    name: str
    buttons: tuple[Action, ...]


Button = Action | Submenu


def menu_json(buttons: Sequence[Button]) -> dict[str, Any]:
    """The body of menu/create. Raises MenuInvalid."""
    if not 1 <= len(buttons) <= BUTTONS_MAX:
        raise MenuInvalid
    return {"button": [_button_json(button) for button in buttons]}


def _button_json(button: Button) -> dict[str, Any]:
    match button:
        case ClickButton(name, key):
            return {"type": "click", "name": name, "key": key}
        case ViewButton(name, url):
            return {"type": "view", "name": name, "url": url}
        case MiniProgramButton(name, appid, page, url):
            shown = {"appid": appid, "pagepath": page, "url": url}
            return {"type": "miniprogram", "name": name, **shown}
        case Submenu(name, below):
            if not 1 <= len(below) <= SUB_BUTTONS_MAX:
                raise MenuInvalid
            return {"name": name, "sub_button": [_button_json(one) for one in below]}
