import pytest

from app.core.errors import Conflict, DomainError, Forbidden, Invalid, Unavailable
from app.wechat import errors
from app.wechat.errors import BY_CODE, WeChatRefused, refusal

FAMILIES = (Conflict, Forbidden, Invalid, Unavailable)


@pytest.mark.parametrize("errcode", [*BY_CODE, 12345])
def test_each_refusal_has_one_family_and_a_chinese_title(errcode: int) -> None:
    error = refusal(errcode)
    assert error.errcode == errcode
    assert sum(isinstance(error, family) for family in FAMILIES) == 1
    assert error.title != DomainError.title
    assert error.detail == error.title


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (-1, errors.WeChatBusy),
        (40029, errors.CodeInvalid),
        (40163, errors.CodeUsed),
        (40226, errors.LoginBlocked),
        (40164, errors.NotWhitelisted),
        (48001, errors.NotGranted),
        (45009, errors.QuotaExceeded),
        (45011, errors.QuotaExceeded),
        (45015, errors.WindowClosed),
        (45047, errors.WindowFull),
        (43101, errors.UserRefused),
        (12345, errors.UnexpectedRefusal),
    ],
)
def test_codes_have_names(errcode: int, kind: type[WeChatRefused]) -> None:
    assert type(refusal(errcode, {"errmsg": "no rid"})) is kind
