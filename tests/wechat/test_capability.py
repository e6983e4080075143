from dataclasses import fields
from typing import Literal, get_args

import pytest

from app.core.settings import OfficialAccount
from app.wechat.capability import BY_HAND, Capability, Name, NotOffered, capability_of, require

Kind = Literal["subscription", "service"]
UNVERIFIED = {"draft"}
SUBSCRIPTION = UNVERIFIED | {
    "menu", "customer_service", "user_info", "materials", "tags", "freepublish", "mass_send",
    "js_share",
}  # fmt: skip
SERVICE = SUBSCRIPTION | {"mass_by_openid", "template", "oauth", "qr_code"}


@pytest.mark.parametrize(
    ("kind", "verified", "allowed"),
    [
        ("subscription", False, UNVERIFIED),
        ("subscription", True, SUBSCRIPTION),
        ("service", False, {"menu"}),
        ("service", True, SERVICE),
    ],
)
@pytest.mark.parametrize("name", get_args(Name))
def test_the_permission_table(kind: Kind, verified: bool, allowed: set[str], name: Name) -> None:
    capability = capability_of(OfficialAccount(kind=kind, verified=verified))
    if name in allowed:
        require(capability, name)
        return
    with pytest.raises(NotOffered) as refused:
        require(capability, name)
    assert capability.account in refused.value.detail
    assert BY_HAND[name][1] in refused.value.detail


def test_each_capability_has_a_way_by_hand() -> None:
    names = {field.name for field in fields(Capability)} - {"account"}
    assert names == set(get_args(Name)) == set(BY_HAND)
