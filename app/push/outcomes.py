"""What the platform says became of an issue, in words that tell a person what to do.

freepublish 0 to 6: developers.weixin.qq.com …/api_freepublish_get. Mass sends: the event's Status,
WxJava WxConsts.MassMsgStatus; SEND_SUCCESS and kin are those of message/mass/get.
"""

from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "published", "failed", "gone", "unknown"]
"""`gone`: it was published, and is not to be seen any more."""
Kind = Literal["freepublish", "mass"]


@dataclass(frozen=True)
class Meaning:
    """`task` is the kind of task that a person gets; None: nothing is to be done."""

    state: State
    reason: str = ""
    advice: str = ""
    task: Literal["publish_failed", "publish_doubt"] | None = None


def _failed(reason: str, advice: str) -> Meaning:
    return Meaning("failed", reason, advice, "publish_failed")


def _gone(reason: str, advice: str) -> Meaning:
    return Meaning("gone", reason, advice, "publish_failed")


WAITING, PUBLISHED = Meaning("waiting"), Meaning("published")
MEND = "请按平台规范修改内容，另写一期重新送审；如认为误判，请到公众平台申诉"
AGAIN = "请在「期刊」里选择「重试」；再次失败时请到公众平台手工发表后登记"
UNSEEN = Meaning(
    "unknown",
    "微信给出了没有见过的结果",
    "请到公众平台核对是否已发表，再登记「已发表」或「重试」",
    "publish_doubt",
)
FREEPUBLISH: dict[str, Meaning] = {
    "0": PUBLISHED,
    "1": WAITING,
    "2": _failed("原创校验不通过", "请核对原创声明与转载授权；改好后另写一期重新送审"),
    "3": _failed("常规失败", AGAIN),
    "4": _failed("平台审核不通过", MEND),
    "5": _gone("发表后，文章已被本账号全部删除", "请确认是否有意删除，并告知相关人员"),
    "6": _gone("发表后，文章被微信封禁", "请到公众平台查看封禁原因，必要时申诉"),
}
MASS: dict[str, Meaning] = {
    "sendsuccess": PUBLISHED,
    "send_success": PUBLISHED,
    "sending": WAITING,
    "sendfail": _failed("群发失败", AGAIN),
    "send_fail": _failed("群发失败", AGAIN),
    "delete": _gone("群发的内容已被删除", "请确认是否有意删除，并告知相关人员"),
    "err(10001)": _failed("平台审核不通过：涉嫌广告", MEND),
    "err(20001)": _failed("平台审核不通过：涉嫌政治", MEND),
    "err(20002)": _failed("平台审核不通过：涉嫌色情", MEND),
    "err(20004)": _failed("平台审核不通过：涉嫌社会", MEND),
    "err(20006)": _failed("平台审核不通过：涉嫌违法犯罪", MEND),
    "err(20008)": _failed("平台审核不通过：涉嫌欺诈", MEND),
    "err(20013)": _failed("平台审核不通过：涉嫌版权", MEND),
    "err(21000)": _failed("平台审核不通过：涉嫌其他违规", MEND),
    "err(22000)": _failed("平台审核不通过：涉嫌互推", MEND),
    "err(30001)": _failed("原创校验出现系统错误", AGAIN),
    "err(30002)": _failed("原创校验后不能群发", "请核对原创声明与转载授权；改好后另写一期重新送审"),
    "err(30003)": _failed(
        "原创校验判定为转载", "请取得转载授权，或另写一期原创内容；改好后重新送审"
    ),
    "err(40001)": _failed("公众号管理员在手机上拒绝了这次群发", "请与公众号管理员沟通后再「重试」"),
    "err(40002)": _failed(
        "公众号管理员 30 分钟内没有确认", "请约好管理员在手机上确认，再「重试」；或关闭群发保护"
    ),
}


def meaning_of(kind: Kind, status: str) -> Meaning:
    """What a status means, however it is spaced and spelt; one never seen is for a person."""
    if kind == "freepublish":
        return FREEPUBLISH.get(status.strip(), UNSEEN)
    return MASS.get("".join(status.split()).lower(), UNSEEN)


def advice_for(code: str) -> str:
    """What a person does after a call was refused with this error."""
    return REFUSALS.get(code, "请到公众平台核对，处理好原因后「重试」，或手工发表后登记")


REFUSALS = {
    "PublishRefused": "请登录公众平台，打开草稿箱里的这份草稿，按提示处理后手工发表，再回来登记",
    "MediaInvalid": "草稿已不在草稿箱，可能已被发表或删除：请先到公众平台核对；"
    "已发表请登记，确未发表再「重试」",
    "ContentTooLong": "请缩短标题、摘要或正文，另写一期重新送审",
    "ContentRefused": "请去掉正文里的违规文字、链接或标签，另写一期重新送审",
    "ImageRefused": "请换成小于 1 MB 的 JPG 或 PNG 图片，另写一期重新送审",
    "PictureLost": "请从备份恢复图片目录后「重试」，或重新上传图片，另写一期重新送审",
    "Banned": "接口已被微信封禁：请到公众平台查看原因；期间请手工发表后登记",
    "TagInvalid": "请核对群发标签的设置（SHOUSHAN_PUSH__MASS_TAG_ID）后「重试」",
    "MonthlyQuotaUsed": "本月群发次数已用完：改用发布或下月再发（「重试」时会自动改用发布）",
}
