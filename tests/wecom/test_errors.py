import pytest

from app.core.errors import Conflict, DomainError, Forbidden, Invalid, Unavailable
from app.wecom import errors
from app.wecom.errors import BY_CODE, WeComRefused, refusal

FAMILIES = (Conflict, Forbidden, Invalid, Unavailable)


@pytest.mark.parametrize("errcode", [*BY_CODE, 12345])
def test_each_refusal_has_one_family_and_a_chinese_title(errcode: int) -> None:
    error = refusal(errcode)
    assert error.errcode == errcode
    assert sum(isinstance(error, family) for family in FAMILIES) == 1
    assert error.title != DomainError.title


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (-1, errors.WeComBusy),
        (93000, errors.RobotGone),
        (45009, errors.WeComRateLimited),
        (45033, errors.WeComRateLimited),
        (45002, errors.WeComTooLong),
        (40058, errors.WeComTooLong),
        (60020, errors.AddressNotTrusted),
        (48001, errors.WeComNotGranted),
        (48002, errors.WeComNotGranted),
        (81013, errors.RecipientInvalid),
        (40003, errors.RecipientInvalid),
        (40014, errors.WeComTokenRefused),
        (42001, errors.WeComTokenRefused),
        (40001, errors.WeComTokenRefused),
        (40008, errors.WeComMessageInvalid),
        (41047, errors.GroupTaskGone),
        (41048, errors.NobodyToSend),
        (12345, errors.WeComUnexpected),
    ],
)
def test_codes_have_names(errcode: int, kind: type[WeComRefused]) -> None:
    assert type(refusal(errcode)) is kind


def test_clues_are_told_and_nothing_else() -> None:
    said = (
        "not allow to access from your ip, hint: [1653710655173452988930371], "
        "from ip: 121.0.0.88, more info at https://open.work.weixin.qq.com/devtool/query?e=60020"
    )
    facts = refusal(60020, {"errmsg": said, "access_token": "t"}).facts
    assert facts == {"errcode": 60020, "hint": "1653710655173452988930371", "ip": "121.0.0.88"}
    assert "ip" not in refusal(93000, {"errmsg": said}).facts
