"""What an editor may get wrong, and what somebody else was faster with."""

from app.core.errors import Conflict, Forbidden, Invalid, NotFound


class ManuscriptNotFound(NotFound):
    title = "没有这份稿件"


class UploadNotFound(NotFound):
    title = "没有这张图片，请先上传"


class ManuscriptExists(Conflict):
    title = "同一份稿件已经存在，内容不同"


class NotInThisState(Conflict):
    """Facts: `state`, the one it is in."""

    title = "稿件现在的状态不能这样做，请刷新后再看"


class DigestStale(Conflict):
    """Facts: `digest`, of the content as it is now."""

    title = "稿件已被修改，请看过最新内容再操作"


class ReviewerNotIndependent(Conflict):
    title = "三审须由三个不同的人完成，且不能是作者"


class PublishingNotYours(Forbidden):
    """Of somebody who may write there, and no more."""

    title = "排期和撤稿要由编辑、主编或管理员来办，请联系他们"


class NotYourReview(Forbidden):
    title = "这一审不由您负责"


class RemarksNeeded(Invalid):
    title = "请写明理由（至少两个字）"


class IssueTooLong(Invalid):
    """Facts: `field`, `count`, `limit`, `unit` (characters, bytes or articles)."""

    title = "内容超出公众号的限制"


class IssueIncomplete(Invalid):
    """Facts: `field`."""

    title = "稿件还不完整"


class ExternalPicture(Invalid):
    """Facts: `field` where it is known, `source` shortened."""

    title = "文中有外部图片，请先上传到本系统"


class NotAPicture(Invalid):
    title = "这个文件不是可用的图片（只收 JPG、PNG、WebP、GIF、BMP）"


class PictureTooLarge(Invalid):
    title = "图片太大：文件不超过 10 MB，像素不超过 4000 万"
