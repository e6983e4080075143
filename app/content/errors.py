"""Refusals of this package. Those about one file or one answer stand beside what raises them."""

from app.core.errors import Conflict, Invalid, NotFound


class LessonNotFound(NotFound):
    title = "没有这节课，或者它已经下架"


class LessonNotPublished(Conflict):
    title = "这节课还没有发布"


class AlreadyWithdrawn(Conflict):
    title = "这节课已经因别的原因下架"


class LessonChanged(Conflict):
    """Facts: `version`, the number of the newest one."""

    title = "这节课刚刚被别人改过"


class ReasonMissing(Invalid):
    title = "请写明下架的原因，200 字以内"
