"""What can go wrong with a page and with nothing else."""

from app.core.errors import Conflict, Forbidden, NotFound


class NoSuchFile(NotFound):
    title = "没有这个文件"


class NoSuchPage(NotFound):
    title = "没有这个页面"


class FormForged(Forbidden):
    """The browser says that another site sent this form."""

    title = "这次提交不是从本网站的页面发出的"


class FormExpired(Forbidden):
    """The form's secret is not this session's: it was left open while the session changed."""

    title = "这个页面放得太久了"


class StaleForm(Conflict):
    """Somebody else saved the same thing since this form was opened."""

    title = "这份内容刚刚被别人改过"
