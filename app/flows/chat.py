"""What the account answers to a word in the chat: 今日, 学分, 排行, 帮助, or a search.

Texts are short: a passive reply holds 2048 bytes, and it is read on a small screen.
"""

import re
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content.queries import LessonSummary
from app.content.rules import search_words
from app.core.clock import local_day
from app.credit_bank import queries as bank
from app.credit_bank.rules import amount_text
from app.flows.duties import duties_text
from app.flows.lessons import OpenLesson, todays_lesson
from app.learning import queries as learning
from app.learning.rules import streak
from app.people import queries as people
from app.people.models import Person
from app.ranking.queries import Ranking, get_ranking
from app.recognition.rules import title_of

HELP = """您好，这里是首善学堂。回复下面的词就能用：
「今日」——今天学什么
「学分」——我的学分和积分
「排行」——各村学习排行
「帮助」——看这条说明
想找什么课，直接回复几个字，例如「防诈骗」。
学习和答题，请打开小程序「首善学堂」。"""

NOTHING_YET = "课程正在准备中，请过些天再来。"

WORDS = {
    "today": {"今日", "今天", "今日学习", "今天学什么", "学习", "打卡"},
    "credits": {"学分", "积分", "我的学分", "我的积分", "称号"},
    "ranking": {"排行", "排名", "排行榜", "榜"},
    "duties": {"待办", "任务", "我的待办"},
    "help": {"帮助", "说明", "菜单", "怎么用", "你好", "您好", "?", "？", "help"},
}
NOISE = re.compile(r"[\s「」『』“”\"'《》。．.！!，,、~～？?]+")
EXCERPT = 120


def command_of(said: str) -> str:
    """Which of WORDS it is; `search` where it is none."""
    word = NOISE.sub("", said).lower() or said.strip()
    return next((name for name, words in WORDS.items() if word in words), "search")


async def reply_to(session: AsyncSession, *, person_id: int, said: str, now: datetime) -> str:
    """The answer to a text message. It is read, never written: who asks twice changes nothing."""
    match command_of(said):
        case "today":
            return await today_text(session, person_id=person_id, now=now)
        case "credits":
            return await credits_text(session, person_id=person_id, now=now)
        case "ranking":
            person = await people.get_person(session, person_id)
            return await ranking_text(session, person=person, now=now)
        case "duties":
            person = await people.get_person(session, person_id)
            return await duties_text(session, person=person, now=now)
        case "help":
            return HELP
        case _:
            return await search_text(session, said=said)


async def today_text(session: AsyncSession, *, person_id: int, now: datetime) -> str:
    opened = await todays_lesson(session, person_id=person_id, now=now)
    if opened is None:
        return NOTHING_YET
    lesson = opened.lesson
    return (
        f"📖 今日一课：《{lesson.title}》\n{lesson.summary}\n"
        f"来源：{lesson.source}\n"
        f"需学 {duration(lesson.required_seconds)}，{len(lesson.questions)} 道小题。\n"
        f"{progress_text(opened)}"
    )


def progress_text(opened: OpenLesson) -> str:
    progress = learning.progress_of(opened.study)
    if progress.completed_at is not None:
        return "✅ 这一课您已学完，学分已入账。"
    if progress.seconds:
        return f"您已学 {duration(progress.seconds)}，打开小程序「首善学堂」接着学。"
    return "打开小程序「首善学堂」，点“今日”就能学。"


def duration(seconds: int) -> str:
    """Whole minutes where it is a minute or more, as one says it: 约 2 分钟."""
    return f"约 {max(1, round(seconds / 60))} 分钟" if seconds >= 60 else f"{seconds} 秒"  # noqa: PLR2004  seconds of a minute


async def credits_text(session: AsyncSession, *, person_id: int, now: datetime) -> str:
    balances = await bank.list_balances(session, person_id=person_id)
    earned = next(balance.earned for balance in balances if balance.unit == "credit")
    title, after = title_of(earned)
    lines = [f"您的称号：{title.name}（{title.meaning}）"]
    lines += [
        amount_text(balance.balance, decimals=balance.decimals, name=balance.name)
        for balance in balances
        if balance.balance or balance.unit in {"credit", "points"}
    ]
    if after is not None:
        missing = amount_text(after.threshold - earned, decimals=2, name="学分")
        lines.append(f"再得 {missing}，就是「{after.name}」。")
    today = local_day(now)
    days = await learning.learned_days(session, person_id=person_id, since=today.replace(day=1))
    if length := streak(days, today):
        lines.append(f"本月已连续学习 {length} 天。")
    lines.append("每一笔的来历，见小程序「学分」里的对账单。")
    return "\n".join(lines)


async def ranking_text(session: AsyncSession, *, person: Person, now: datetime) -> str:
    """The boards of the asker's own town: a county of thirty is nobody's neighbourhood."""
    at = await people.stamp(session, person.id)
    town_id = await people.find_town(session, person)

    async def board(name: str, limit: int) -> Ranking:
        return await get_ranking(
            session,
            board=name,  # type: ignore[arg-type]  # one of the three literals below
            unit="credit",
            period="month",
            day=local_day(now),
            org_id=town_id,
            person_id=person.id,
            my_org_ids=[at.village_id] if at.village_id else [],
            cursor=None,
            limit=limit,
            now=now,
        )

    villages, persons = await board("villages", 5), await board("people", 1)
    learning_ones = [row for row in villages.items if row.amount > 0]
    lines = ["🏡 本月各村（社区）学分：" if learning_ones else "本月各村（社区）都还没有学分。"]
    lines += [
        f"{row.rank}. {row.name} {amount_text(row.amount, decimals=2, name='学分')}"
        for row in learning_ones
    ]
    if villages.me is not None:
        if villages.me.amount > 0:
            lines.append(f"您所在的{villages.me.name}排第 {villages.me.rank}。")
    else:
        lines.append("您还没有登记村（社区），可在小程序「我的」里登记。")
    if persons.me is not None:
        mine = amount_text(persons.me.amount, decimals=2, name="学分")
        lines.append(f"您本月得 {mine}，在公开排名的乡亲里排第 {persons.me.rank}。")
    else:
        lines.append("您本月还没有学分，学完一课就有了。")
    if not person.rank_visible:
        lines.append("（您的名字没有公开，只有您自己看得到。）")
    return "\n".join(lines)


async def search_text(session: AsyncSession, *, said: str) -> str:
    found = await content.search_titles(session, q=said, limit=3)
    if not found and search_words(said):
        found = (await content.list_lessons(session, q=said, limit=3)).items
    if not found:
        return f"没有找到相关的课。\n\n{HELP}"
    return "\n".join(["为您找到：", *map(_line, found), "打开小程序「首善学堂」就能学。"])


def welcome(*, returning: bool) -> str:
    """What a new follower reads first."""
    hello = "欢迎回来！" if returning else "欢迎关注首善双槐！"
    return f"{hello}\n\n{HELP}"


def _line(lesson: LessonSummary) -> str:
    return f"《{lesson.title}》{lesson.summary[:EXCERPT]}"
