import pytest

from app.sandbox.permissions import POWERS, Power
from tests.sandbox.platform import Platform


@pytest.mark.parametrize(
    ("profile", "path", "errcode"),
    [
        ("personal", "/cgi-bin/draft/count", 0),
        ("personal", "/cgi-bin/freepublish/submit", 48001),
        ("personal", "/cgi-bin/menu/get", 48001),
        ("subscription", "/cgi-bin/draft/add", 48001),
        ("subscription_verified", "/cgi-bin/menu/get", 46003),
        ("subscription_verified", "/cgi-bin/qrcode/create", 48001),
        ("subscription_verified", "/cgi-bin/message/mass/send", 48001),
        ("subscription_verified", "/cgi-bin/message/mass/sendall", 43002),
        ("service", "/cgi-bin/menu/get", 46003),
        ("service", "/cgi-bin/user/info", 48001),
        ("service_verified", "/cgi-bin/message/template/send", 40066),
        ("service_verified", "/wxa/checksession", 48001),
    ],
)
async def test_a_profile_decides_what_may_be_called(
    platform: Platform, profile: str, path: str, errcode: int
) -> None:
    await platform.knob("oa", profile=profile)
    assert (await platform.get(path)).get("errcode", 0) == errcode


async def test_a_mini_program_has_no_menu(platform: Platform) -> None:
    assert (await platform.get("/cgi-bin/menu/get", "mini"))["errcode"] == 48001


def test_every_profile_can_at_least_receive() -> None:
    assert all(Power.BASIC in powers for powers in POWERS.values())
