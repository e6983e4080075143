"""The admin API, part three: drafts, publications, mass sends, and what the admin does by hand."""

from fastapi import APIRouter

from app.core import clock
from app.core.errors import Conflict, NotFound
from app.sandbox import publishing_schemas as s
from app.sandbox.admin_users import Here
from app.sandbox.articles import clean, site_of
from app.sandbox.jobs import settle
from app.sandbox.mass import SENT, decide, finish_mass, has_quota, make_mass
from app.sandbox.press import PUBLISHED, Article, Draft, Mass
from app.sandbox.publications import ban, finish_publication, make_publication
from app.sandbox.world import World

router = APIRouter(prefix="/_sandbox", tags=["publishing"])


class NoMassQuota(Conflict):
    title = "今天（或本月）的群发次数已用完"


@router.get("/publishing", response_model=s.PublishingOut, summary="Knobs and counts")
async def show_publishing(world: Here) -> s.PublishingOut:
    press = world.press
    counts = {
        "images": len(press.images),
        "materials": sum(one.expires_at is None for one in press.materials.values()),
        "drafts": len(press.drafts),
        "publications": len(press.publications),
        "mass_sends": len(press.masses),
        "jobs": len(press.jobs),
    }
    return s.PublishingOut.model_validate(press.knobs).model_copy(update=counts)


@router.patch("/publishing", response_model=s.PublishingOut, summary="Turn publishing's knobs")
async def change_publishing(world: Here, form: s.KnobsChange) -> s.PublishingOut:
    for name, value in form.model_dump(exclude_none=True).items():
        setattr(world.press.knobs, name, value)
    return await show_publishing(world)


@router.get("/drafts", response_model=list[s.DraftOut], summary="The draft box, oldest first")
async def list_drafts(world: Here) -> list[s.DraftOut]:
    return [s.draft_out(world, draft) for draft in world.press.drafts.values()]


@router.get("/posts", response_model=list[s.PostOut], summary="What followers can read")
async def list_posts(world: Here) -> list[s.PostOut]:
    return [s.post_out(world, post) for post in world.press.posts]


@router.get(
    "/publications", response_model=list[s.PublicationOut], summary="Submitted publications"
)
async def list_publications(world: Here) -> list[s.PublicationOut]:
    return [s.publication_out(one) for one in world.press.publications.values()]


@router.post(
    "/publications/settle",
    response_model=s.Settled,
    summary="End everything under way now: publications, mass sends, notices",
)
async def settle_jobs(world: Here) -> s.Settled:
    """A send that waits for the administrator ends only when its 30 minutes have passed."""
    return s.Settled(settled=await settle(world))


@router.post(
    "/publications/by-hand", response_model=s.PostOut, summary="Publish as a person, in the console"
)
async def publish_by_hand(world: Here, form: s.ByHand) -> s.PostOut:
    publication = make_publication(world, _draft_of(world, form), outcome=PUBLISHED)
    await finish_publication(world, publication, event=form.event)
    assert publication.post is not None, "it was published"
    return s.post_out(world, publication.post)


@router.post(
    "/publications/{publish_id}/ban",
    response_model=s.PublicationOut,
    summary="The platform takes a publication away: status 6",
)
async def ban_publication(world: Here, publish_id: str) -> s.PublicationOut:
    if publish_id not in world.press.publications:
        raise NotFound("没有这次发布", publication=publish_id)
    publication = world.press.publications[publish_id]
    ban(publication)
    return s.publication_out(publication)


@router.get("/mass", response_model=list[s.MassOut], summary="Mass sends, oldest first")
async def list_mass(world: Here) -> list[s.MassOut]:
    return [s.mass_out(mass) for mass in world.press.masses.values()]


@router.post("/mass/by-hand", response_model=s.MassOut, summary="Mass-send as a person: uses quota")
async def send_by_hand(world: Here, form: s.ByHand) -> s.MassOut:
    if not has_quota(world, to_all=True):
        raise NoMassQuota
    mass = make_mass(world, _draft_of(world, form), "", to_all=True, tag_id=None)
    mass.by_hand, mass.state = True, "sending"
    await finish_mass(world, mass, SENT, event=form.event)
    return s.mass_out(mass)


@router.post("/mass/{msg_id}/confirm", response_model=s.MassOut, summary="The administrator agrees")
async def confirm_mass(world: Here, msg_id: int) -> s.MassOut:
    mass = _mass_of(world, msg_id)
    await decide(world, mass, confirm=True)
    return s.mass_out(mass)


@router.post(
    "/mass/{msg_id}/refuse",
    response_model=s.MassOut,
    summary="The administrator refuses: err(40001)",
)
async def refuse_mass(world: Here, msg_id: int) -> s.MassOut:
    mass = _mass_of(world, msg_id)
    await decide(world, mass, confirm=False)
    return s.mass_out(mass)


@router.put("/tags/{tag_id}", response_model=s.TagMembers, summary="Who has a tag")
async def put_tag(world: Here, tag_id: int, form: s.TagMembers) -> s.TagMembers:
    world.press.tags[tag_id] = {world.get_user(user_id).id for user_id in form.users}
    return form


def _mass_of(world: World, msg_id: int) -> Mass:
    if msg_id not in world.press.masses:
        raise NotFound("没有这次群发", mass=msg_id)
    return world.press.masses[msg_id]


def _draft_of(world: World, form: s.ByHand) -> Draft:
    if form.media_id is not None:
        if form.media_id not in world.press.drafts:
            raise NotFound("草稿箱里没有这份草稿")
        return world.press.drafts[form.media_id]
    content = clean(site_of(world.settings), form.content)
    article = Article(
        title=form.title,
        author="",
        digest="",
        content=content,
        source_url=form.source_url,
        thumb_media_id="",
        cover_path="",
    )
    now = clock.utcnow()
    return Draft("", [article], now, now)
