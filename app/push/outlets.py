"""Our official account as its issues see it: what it may do, and how the operator wants it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.core.settings import Settings
from app.push.rules import Method
from app.wechat.capability import Capability, capability_of


@dataclass(frozen=True)
class Outlet:
    """`publish_by` None: the best the account may do. `tag_id`: mass send to these followers only.

    `data_dir` holds the pictures; `base_url` has no trailing slash.
    """

    appid: str
    kind: Literal["subscription", "service"]
    capability: Capability
    publish_by: Method | None
    tag_id: int | None
    base_url: str
    data_dir: Path
    town_code: str

    @property
    def may_draft(self) -> bool:
        """A draft's cover and pictures are materials: one permission without the other is none."""
        return self.capability.draft and self.capability.materials


def outlet_of(settings: Settings) -> Outlet:
    oa = settings.wechat.oa
    return Outlet(
        appid=oa.appid,
        kind=oa.kind,
        capability=capability_of(oa),
        publish_by=settings.push.publish_by,
        tag_id=settings.push.mass_tag_id,
        base_url=settings.base_url,
        data_dir=settings.data_dir,
        town_code=settings.town_code,
    )


def method_of(outlet: Outlet, *, month_left: bool) -> Method:
    """As the operator says; else mass send, publishing, by hand (docs/decisions/0013).

    A mass send tells the followers, which an issue wants. A service account has four a month
    (developers.weixin.qq.com …/Batch_Sends.md): the issues after that are published.
    """
    if outlet.publish_by is not None:
        return outlet.publish_by
    can = outlet.capability
    if can.mass_send and (month_left or not can.freepublish):
        return "mass"
    return "freepublish" if can.freepublish else "hand"


def source_url(outlet: Outlet, *, manuscript_id: int, version: int, index: int) -> str:
    """An article's 阅读原文: by it our article is known again among those published."""
    return f"{outlet.base_url}/a/{manuscript_id}-{version}/{index}"
