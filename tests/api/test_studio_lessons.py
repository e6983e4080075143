"""A lesson from the studio: a tutor's draft, an editor's deed, two at once, and its questions."""

import io

import pytest
from openpyxl import Workbook, load_workbook

from app.content.question_sheet import HEAD, template
from tests.api.browser import Browser
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Service
from tests.api.studio import XSS, harm_in, number_of, said, send, word_file, working
from tests.factories.editorial import picture

NEW = "/studio/lessons/new"
USUAL = {
    "org": "T-1", "title": "接到陌生电话", "platform": "微讲堂", "kind": "article", "audience": "",
    "summary": "", "source": "", "media_url": "", "required_seconds": "",
    "markdown": "## 先挂断\n\n再打 96110。",
}  # fmt: skip


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


async def drafted(browser: Browser, **typed: str) -> int:
    return number_of(await send(browser, await browser.get(NEW), NEW, **{**USUAL, **typed}))


def sheet(*rows: tuple[object, ...]) -> bytes:
    book = Workbook(write_only=True)
    page = book.create_sheet()
    for row in (HEAD, *rows):
        page.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def test_from_a_tutor_s_draft_to_the_residents(service: Service, room: Newsroom) -> None:
    tutor = await service.officer("tutor", "T-1")
    async with working(service, tutor) as browser:
        form = await browser.get(NEW)
        for _ in range(2):  # Back, and sent once more: the same lesson.
            lesson = number_of(
                await send(browser, form, NEW, **{**USUAL, "title": f"防骗{XSS}"[:60]})
            )
        assert await service.count("lesson") == 1
        page = await browser.get(f"/studio/lessons/{lesson}")
        assert harm_in(page) == []
        assert "草稿已经存好" in page.text
        assert "/publish" not in page.text
        listed = await browser.get("/studio/lessons?state=draft&q=防骗")
        assert f"/studio/lessons/{lesson}" in listed.text
        assert harm_in(listed) == []
    async with working(service, await service.officer("tutor", "T-2")) as stranger:
        assert (await stranger.get(f"/studio/lessons/{lesson}")).status_code == 403
        assert f"/studio/lessons/{lesson}" not in (await stranger.get("/studio/lessons")).text
    resident = await service.villager("T-1")
    assert (await service.ask("GET", "/lessons", resident))["items"] == []
    async with working(service, room.editor) as editor:
        seen = await editor.get(f"/studio/lessons/{lesson}")
        async with working(service, tutor) as browser:
            path = f"/studio/lessons/{lesson}/edit"
            edited = await send(browser, await browser.get(path), path, **USUAL)
            assert edited.status_code == 303
        stale = await send(editor, seen, "/publish")
        assert (stale.status_code, "刚刚被别人改过" in stale.text) == (409, True)
        seen = await editor.get(f"/studio/lessons/{lesson}")
        assert (await send(editor, seen, "/publish")).status_code == 303
    shown = (await service.ask("GET", "/lessons", resident))["items"]
    assert [one["title"] for one in shown] == [USUAL["title"]]
    async with working(service, tutor) as browser:
        await send(browser, await browser.get(path), path, **{**USUAL, "markdown": "第三版。"})
        page = await browser.get(f"/studio/lessons/{lesson}")
        assert "居民现在学的是前一版" in page.text
    html = (await service.ask("GET", f"/lessons/{lesson}", resident))["html"]
    assert "第三版" not in html  # A tutor's change waits for who publishes.
    async with working(service, room.editor) as editor:
        seen = await editor.get(f"/studio/lessons/{lesson}")
        assert (await send(editor, seen, "/withdraw", reason=" ")).status_code == 400
        assert (await send(editor, seen, "/withdraw", reason="电话改了")).status_code == 303
    assert (await service.ask("GET", "/lessons", resident))["items"] == []
    for act, count in (("write", 3), ("publish", 1), ("withdraw", 1)):
        assert await service.count("staff_act", "act = :act", act=f"lesson.{act}") == count


async def test_a_faulty_form_keeps_every_word(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        form = await browser.get(NEW)
        wrong = {"title": "长" * 65, "kind": "video", "media_url": "javascript:alert(1)"}
        wrong |= {"required_seconds": "5", "markdown": f"正文{XSS}"}
        files = {"word": ("x.docx", b"no"), "picture": ("x.png", b"no")}
        answer = await send(browser, form, NEW, files, **{**USUAL, "org": "T", **wrong})
        assert answer.status_code == 400
        assert harm_in(answer) == []
        for told in ("标题最多 64 个字", "http:// 或 https://", "应为 10 到 3600 秒"):
            assert told in said(answer)
        assert "不是可用的 Word 文档" in said(answer)
        assert "不是可用的图片" in said(answer)
        assert "正文&lt;script&gt;" in answer.text
        assert "长" * 65 in answer.text
        forged = await send(browser, form, NEW, **{**USUAL, "org": "T", "once": "../x"})
        assert forged.status_code == 400
        file = word_file("来自文档。", image=picture())
        lesson = number_of(
            await send(browser, form, NEW, {"word": ("x.docx", file)}, **{**USUAL, "org": "T"})
        )
        assert "来自文档。" in (await browser.get(f"/studio/lessons/{lesson}")).text
    assert await service.count("lesson") == 1


async def test_two_at_once_lose_nothing(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as one, working(service, room.editor) as two:
        lesson = await drafted(one, org="T")
        path = f"/studio/lessons/{lesson}/edit"
        first, second = await one.get(path), await two.get(path)
        third = await two.get(f"/studio/lessons/{lesson}/questions")
        done = await send(one, first, path, **{**USUAL, "markdown": "甲写的正文"})
        assert done.status_code == 303
        told = await send(two, second, path, **{**USUAL, "markdown": "乙写的正文"})
        assert told.status_code == 409
        assert "甲写的正文" in told.text
        assert ">\n乙写的正文</textarea>" in told.text
        asked = {"q1_kind": "judge", "q1_text": "乙出的题", "q1_answer": "0", "q1_why": ""}
        stale = await send(two, third, "/questions", **asked, do="save")
        assert (stale.status_code, "乙出的题" in stale.text) == (409, True)
        mine = await send(two, told, path, **{**USUAL, "markdown": "乙写的正文"})
        assert mine.status_code == 303
        later = await send(two, await two.get(f"/studio/lessons/{lesson}/questions"), "/questions",
                           **asked, do="save")  # fmt: skip
        assert later.status_code == 303
        page = await two.get(f"/studio/lessons/{lesson}")
        assert "乙写的正文" in page.text
        assert "乙出的题" in page.text


async def test_questions_by_form_and_by_sheet(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        lesson = await drafted(browser, org="T")
        path = f"/studio/lessons/{lesson}/questions"
        form = await browser.get(path)
        typed = {
            "q1_kind": "single", "q1_text": XSS, "q1_option0": XSS, "q1_option1": "不",
            "q1_answer": "1", "q1_why": XSS,
        }  # fmt: skip
        more = await send(browser, form, path, **typed, do="more")
        assert more.text.count('class="card question"') == 2
        assert harm_in(more) == []
        wrong = await send(browser, form, path, **{**typed, "q1_answer": "7"}, do="save")
        assert (wrong.status_code, "还没有勾选正确的选项" in wrong.text) == (400, True)
        done = await send(browser, more, path, **typed, q2_kind="single", q2_text="", do="save")
        assert done.status_code == 303
        assert harm_in(await browser.get(f"/studio/lessons/{lesson}")) == []
        form = await browser.get(path)
        files = {"sheet": ("=cmd.xlsx", template())}
        imported = await send(browser, form, path, files, **typed, do="import")
        assert "读到 3 题，还没有保存" in imported.text
        assert imported.text.count('class="card question"') == 4
        assert await service.count("question") == 1
        row = ("单选", "x", "a", "b", "", "", "", "", "", "", "A", '=HYPERLINK("http://e.example")')
        for content, told in (
            (sheet(*[row] * 1500), "最多 20 题"),
            (sheet(("x", "y")), "第 2 行：题型只能是单选、多选或判断"),
            (b"PK no sheet", "不是可用的表格"),
            (b"x" * (50 * 1024 * 1024), "不能超过 2 MB"),
        ):
            answer = await send(
                browser, form, path, {"sheet": ("x.xlsx", content)}, **typed, do="import"
            )
            assert answer.status_code == 400
            assert told in said(answer)
            assert answer.text.count("alert(1)") >= 3  # What was typed is still there.
        formula = await send(browser, form, path, {"sheet": ("x.xlsx", sheet(row))}, do="import")
        assert "1 个格子是公式，没有采用" in formula.text
        assert "HYPERLINK" not in formula.text
        gone = await send(browser, form, path, **typed, q1_gone="yes", do="save")
        assert gone.status_code == 303
        assert "还没有题目" in (await browser.get(f"/studio/lessons/{lesson}")).text
        book = load_workbook(
            io.BytesIO((await browser.get("/studio/lessons/questions.xlsx")).content)
        )
        assert [cell.value for cell in book.active[1]][:2] == ["题型", "题目"]


async def test_saving_the_same_again_makes_no_version(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    async with working(service, room.admin) as browser:
        path = f"/studio/lessons/{lesson}/edit"
        form = await browser.get(path)
        text = form.text.partition("data-markdown>")[2].partition("</textarea>")[0].strip()
        typed = {**USUAL, "title": "接到“公检法”电话怎么办", "source": "双槐镇综治办"}
        typed |= {"required_seconds": "60", "markdown": text.replace("&#34;", '"')}
        assert (await send(browser, form, path, **typed)).status_code == 303
    assert await service.count("lesson_version") == 1
    async with working(service, room.tutor) as browser:
        # A lesson of no place is the town's: its tutor may write, not publish.
        page = await browser.get(f"/studio/lessons/{lesson}")
        assert "修改正文" in page.text
        assert "下架" not in page.text
