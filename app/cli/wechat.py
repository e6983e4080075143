"""What is set up once at WeChat: the menu, and a code for every village."""

from pathlib import Path

import click

from app.cli.running import run
from app.core import db
from app.core.settings import Settings
from app.flows.callback import MENU_WORDS
from app.people import queries as people
from app.people.models import Organisation
from app.wechat import calls
from app.wechat.client import WeChatClient
from app.wechat.menu import ClickButton


@click.group()
def wechat() -> None:
    """The official account's set-up.

    公众号的设置。
    """


@wechat.command()
def menu() -> None:
    """Create the account's menu.

    创建公众号底部菜单。
    """

    async def work(settings: Settings) -> None:
        await create_menu(settings)
        click.echo("menu created")

    run(work)


@wechat.command()
@click.option("--org", help="The branch; default the town. 哪个机构之下，默认本镇。")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("village-codes.csv"),
    show_default=True, help="CSV file to write. 输出文件。",
)  # fmt: skip
def codes(org: str | None, out: Path) -> None:
    """Create a permanent code for every village; following by it declares the village.

    为每个村（社区）生成永久二维码，扫码关注即登记所在村。
    """

    async def work(settings: Settings) -> None:
        rows = await create_codes(settings, org_code=org or settings.town_code)
        lines = [f"{village.code},{village.name},{url}" for village, url in rows]
        out.write_text("\n".join(["code,name,url", *lines]) + "\n", encoding="utf-8")
        click.echo(f"{len(rows)} codes written to {out}")

    run(work)


async def create_menu(settings: Settings) -> None:
    names = {"today": "今日学习", "credits": "我的学分", "ranking": "学习排行"}
    assert set(names) <= set(MENU_WORDS)
    client = WeChatClient(settings.wechat)
    try:
        await calls.create_menu(client, [ClickButton(name, key) for key, name in names.items()])
    finally:
        await client.aclose()


async def create_codes(settings: Settings, *, org_code: str) -> list[tuple[Organisation, str]]:
    """(village, address of its picture), asking WeChat once for each."""
    async with db.read_transaction() as session:
        branch = await people.org_by_code(session, org_code)
        villages = list(await people.villages_below(session, branch.id))
    client = WeChatClient(settings.wechat)
    try:
        return [
            (
                village,
                (
                    await calls.create_qr_code(client, scene=f"v:{village.code}", seconds=None)
                ).show_url,
            )
            for village in villages
        ]
    finally:
        await client.aclose()
