"""The tree of organisations: loaded from files, all of a file or nothing."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import org_file
from app.people.errors import OrgFileError
from app.people.models import Organisation

GROW = text("""
with recursive tree (id, code, parent_id, lineage) as (
    select id, code, null::bigint, array[id] from organisation child
    where not exists (select from organisation where code = child.parent_code)
  union all
    select child.id, child.code, tree.id, tree.lineage || child.id
    from organisation child join tree on child.parent_code = tree.code
)
update organisation set parent_id = tree.parent_id, lineage = tree.lineage
from tree
where tree.id = organisation.id
and (organisation.parent_id, organisation.lineage)
    is distinct from (tree.parent_id, tree.lineage)
""")


@dataclass(frozen=True)
class OrgReport:
    """What a file changed; `roots` are its organisations that stand without a parent so far."""

    created: int
    updated: int
    unchanged: int
    roots: tuple[str, ...]


async def import_organisations(session: AsyncSession, *, content: bytes) -> OrgReport:
    """Load a CSV file `code,name,kind,parent_code`; the same file again changes nothing.

    Organisations missing from the file stay. A changed parent moves the whole subtree, and an
    organisation that waited for its parent is attached when the parent comes.
    """
    rows, problems = org_file.read(content)
    # One import at a time: two at once could close a cycle that neither sees.
    await session.execute(text("lock table organisation in share row exclusive mode"))
    columns = (Organisation.code, Organisation.name, Organisation.kind, Organisation.parent_code)
    # The whole tree, because a cycle may run through rows the file does not mention.
    known = {code: facts for code, *facts in await session.execute(select(*columns))}
    problems += org_file.check_tree(rows, {code: facts[2] for code, facts in known.items()})
    if problems:
        raise OrgFileError(problems)

    changed: list[dict[str, object]] = []
    count: Counter[str] = Counter()
    for row in rows:
        facts = [row.name, row.kind, row.parent_code]
        if known.get(row.code) == facts:
            count["unchanged"] += 1
            continue
        count["updated" if row.code in known else "created"] += 1
        changed.append(
            {**dict(zip(org_file.COLUMNS, [row.code, *facts], strict=True)), "lineage": []}
        )
    if changed:
        await _write(session, changed)
    codes = {*known, *(row.code for row in rows)}
    return OrgReport(
        created=count["created"],
        updated=count["updated"],
        unchanged=count["unchanged"],
        roots=tuple(row.code for row in rows if row.parent_code not in codes),
    )


async def _write(session: AsyncSession, rows: list[dict[str, object]]) -> None:
    row = insert(Organisation)
    named = {name: row.excluded[name] for name in ("name", "kind", "parent_code")}
    await session.execute(row.on_conflict_do_update(index_elements=["code"], set_=named), rows)
    await session.execute(GROW)
    # The session's own copies, if it holds any, know nothing of the statements above.
    for organisation in session.sync_session.identity_map.values():
        if isinstance(organisation, Organisation):
            await session.refresh(organisation)
