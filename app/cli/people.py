"""Roles, links to sign in by, other accounts, and persons who turned out to be one."""

import click

from app.cli.running import Failed, run
from app.core import clock, db
from app.core.settings import Settings
from app.flows import meeting
from app.people import offices, persons, sign_in_tickets, staff_acts
from app.people.rules import ROLES


class IdentityType(click.ParamType[tuple[str, str]]):
    """APPID:OPENID."""

    name = "appid:openid"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        appid, colon, openid = value.partition(":")
        if not (appid and colon and openid):
            self.fail("expected APPID:OPENID", param, ctx)
        return appid, openid


@click.group()
def role() -> None:
    """Offices of persons.

    人员的职务与权限。
    """


@role.command()
@click.argument("name", metavar="ROLE", type=click.Choice(list(ROLES)))
@click.option("--identity", required=True, type=IdentityType(), help="Who, by WeChat. 微信身份。")
@click.option("--org", required=True, help="Code of the organisation. 组织机构代码。")
@click.option("--title", help="The office, e.g. 组长. 职务名称。")
def grant(name: str, identity: tuple[str, str], org: str, title: str | None) -> None:
    """Grant a role at an organisation; it covers everything below it.

    授予某人在某机构的角色，权限覆盖其下级。
    """

    async def work(_: Settings) -> None:
        now = clock.utcnow()
        async with db.transaction() as session:
            met = await meeting.meet(session, appid=identity[0], openid=identity[1], now=now)
            await offices.grant(
                session,
                person_id=met.person.id,
                role=name,
                org_code=org,
                title=title,
                granted_by_id=None,
                since_on=clock.local_day(now),
                now=now,
            )
        click.echo(f"person {met.person.id} is {name} at {org}")

    run(work)


@click.command()
@click.option("--identity", required=True, type=IdentityType(), help="Who, by WeChat. 微信身份。")
def login_link(identity: tuple[str, str]) -> None:
    """Print a link that signs this person in to the web pages, once and within ten minutes.

    签发一次性的网页登录链接，十分钟内有效。
    """

    async def work(settings: Settings) -> None:
        now = clock.utcnow()
        async with db.transaction() as session:
            met = await meeting.meet(session, appid=identity[0], openid=identity[1], now=now)
            secret = await sign_in_tickets.make_link(
                session, person_id=met.person.id, kind="link", now=now
            )
            await staff_acts.note(
                session,
                person_id=None,
                act="login_link.make",
                subject=f"person:{met.person.id}",
                now=now,
            )
        click.echo(f"{settings.base_url}/login/link/{secret}")

    run(work)


@click.group()
def person() -> None:
    """Persons: their accounts elsewhere, and those who turned out to have two here.

    人员的其他账号，以及同一人的多个账户。
    """


@person.command()
@click.argument("userid")
@click.option("--identity", required=True, type=IdentityType(), help="Who, by WeChat. 微信身份。")
def wecom(userid: str, identity: tuple[str, str]) -> None:
    """Note that this person is member USERID of the WeCom company in the settings.

    登记此人在企业微信里的成员账号，群发任务和提醒由此送达。
    """

    async def work(settings: Settings) -> None:
        if settings.wecom.corp_id is None:
            raise Failed("SHOUSHAN_WECOM__CORP_ID is not set 尚未配置企业微信")
        now = clock.utcnow()
        async with db.transaction() as session:
            met = await meeting.meet(session, appid=identity[0], openid=identity[1], now=now)
            await persons.attach(
                session,
                person_id=met.person.id,
                appid=settings.wecom.corp_id,
                openid=userid,
                now=now,
            )
        click.echo(f"person {met.person.id} is {userid} in WeCom")

    run(work)


@person.command()
@click.argument("kept", type=int)
@click.argument("merged", type=int)
@click.option("--reason", required=True, help="Why, for the record. 原因。")
def merge(kept: int, merged: int, reason: str) -> None:
    """Merge person MERGED into KEPT: learning and credit move by transfers.

    把 MERGED 并入 KEPT，学习记录和学分随之转移，可撤销。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            made = await meeting.merge(
                session,
                kept_id=kept,
                merged_id=merged,
                reason=reason,
                ordered_by_id=None,
                now=clock.utcnow(),
            )
        click.echo(f"merge {made.id}: person {merged} into {kept}")

    run(work)


@person.command()
@click.argument("merge_id", type=int)
@click.option("--by", "by_id", required=True, type=int, help="Who orders it. 由谁决定（人员号）。")
def unmerge(merge_id: int, by_id: int) -> None:
    """Undo a merge.

    撤销一次合并。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            undone = await meeting.unmerge(
                session, merge_id=merge_id, by_id=by_id, now=clock.utcnow()
            )
        if undone.undone_at is None:
            raise Failed("the merge still stands")
        click.echo(f"merge {merge_id} is undone: person {undone.merged_id} stands alone again")

    run(work)
