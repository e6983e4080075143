"""What the boards are, straight from the transfers: the definition, which reads all of them.

Freezing goes by it; so does everybody while the read model (`folding.py`) is being built.
"""

ALIAS = """
    -- Who ended up as whom: merged accounts count for the person that was kept.
    walk AS (
        SELECT id, merged_into_id AS kept FROM person WHERE merged_into_id IS NOT NULL
        UNION ALL
        SELECT walk.id, person.merged_into_id FROM walk JOIN person ON person.id = walk.kept
        WHERE person.merged_into_id IS NOT NULL),
    alias AS (
        SELECT walk.id, walk.kept FROM walk JOIN person ON person.id = walk.kept
        WHERE person.merged_into_id IS NULL)"""

MOVED = """
    moved AS (
        SELECT t.village_id, t.unit_id, account.person_id,
            CASE WHEN t.reverses_id IS NULL THEN t.amount ELSE -t.amount END AS amount
        FROM transfer t JOIN account
            ON account.id = CASE WHEN t.reverses_id IS NULL THEN t.credit_id ELSE t.debit_id END
        WHERE t.rule_id IS NOT NULL AND t.unit = :unit
            AND t.local_day >= :from_day AND t.local_day < :to_day)"""


def _groups(stamp: str, membership: str) -> str:
    """Organisations by what was stamped with them; members are those who belong today."""
    return f"""{MOVED},
    belonging AS (
        SELECT o.id, count(person.id) AS members FROM organisation o
        LEFT JOIN organisation home ON home.lineage @> ARRAY[o.id]
        LEFT JOIN person ON person.{membership} = home.id
            AND person.merged_into_id IS NULL AND person.erased_at IS NULL
        WHERE o.kind = ANY(:kinds) GROUP BY o.id),
    earned AS (
        SELECT belonging.id AS subject_id, coalesce(sum(moved.amount), 0)::bigint AS amount,
            belonging.members
        FROM belonging LEFT JOIN moved ON moved.{stamp} = belonging.id
        GROUP BY belonging.id, belonging.members)"""


LIVE = {
    "people": f"""{ALIAS}, {MOVED},
    earned AS (
        SELECT coalesce(alias.kept, moved.person_id) AS subject_id,
            sum(moved.amount)::bigint AS amount, 1::bigint AS members
        FROM moved LEFT JOIN alias ON alias.id = moved.person_id GROUP BY 1)""",
    "villages": _groups("village_id", "org_id"),
    "units": _groups("unit_id", "unit_id"),
}

FROZEN_ROWS = """
    frozen AS (
        SELECT subject_id, amount, members FROM frozen_row WHERE ranking_id = :frozen_id)"""

# Accounts merged since are one person here, too: what each had won is neither lost nor doubled.
FROZEN_PEOPLE = f"""{ALIAS}, {FROZEN_ROWS},
    earned AS (
        SELECT coalesce(alias.kept, frozen.subject_id) AS subject_id,
            sum(frozen.amount)::bigint AS amount, 1::bigint AS members
        FROM frozen LEFT JOIN alias ON alias.id = frozen.subject_id GROUP BY 1)"""

FROZEN_GROUPS = f"{FROZEN_ROWS}, earned AS (SELECT * FROM frozen)"

PEOPLE_ROWS = """
    standing AS (
        SELECT earned.*, person.name, home.code AS org_code, home.name AS org_name,
            earned.amount AS measure, person.rank_visible AS listed,
            person.id = :me AS is_me
        FROM earned JOIN person ON person.id = earned.subject_id
        LEFT JOIN organisation home ON home.id = coalesce(person.org_id, person.unit_id)
        WHERE person.erased_at IS NULL AND person.merged_into_id IS NULL
            AND (person.rank_visible OR person.id = :me) AND (earned.amount > 0)
            AND (cast(:org AS bigint) IS NULL OR EXISTS (
                SELECT FROM organisation own WHERE own.id IN (person.org_id, person.unit_id)
                    AND own.lineage @> ARRAY[cast(:org AS bigint)])))"""

GROUP_ROWS = """
    standing AS (
        SELECT earned.*, o.name, o.code AS org_code, o.name AS org_name,
            CASE WHEN :by = 'total' THEN earned.amount
                -- Half up, as `_standing` rounds.
                ELSE coalesce(
                    floor((2 * earned.amount + members)::numeric / nullif(2 * members, 0)), 0
                )::bigint
            END AS measure, true AS listed,
            o.id = ANY(cast(:mine AS bigint[])) AS is_me
        FROM earned JOIN organisation o ON o.id = earned.subject_id
        WHERE cast(:org AS bigint) IS NULL OR o.lineage @> ARRAY[cast(:org AS bigint)])"""

RANKED = """
    ranked AS (
        SELECT listed_ones.* FROM (
            SELECT standing.*, rank() OVER (ORDER BY measure DESC) AS rank
            FROM standing WHERE listed) listed_ones
        UNION ALL
        SELECT standing.*, (SELECT count(*) + 1 FROM standing above
            WHERE above.listed AND above.measure > standing.measure) AS rank
        FROM standing WHERE is_me AND NOT listed)"""

PAGE = """
    SELECT subject_id, amount, members, name, org_code, org_name, measure, is_me, rank, listed
    FROM ranked
    WHERE (listed AND (cast(:after AS bigint) IS NULL
        OR (-measure, subject_id) > (-cast(:after AS bigint), cast(:after_id AS bigint))))
    ORDER BY measure DESC, subject_id LIMIT :limit"""

# Around one's own place: only who chose to appear, and oneself.
NEAR = """,
    placed AS (
        SELECT ranked.*, row_number() OVER (ORDER BY measure DESC, is_me, subject_id) AS place
        FROM ranked)
    SELECT subject_id, amount, members, name, org_code, org_name, measure, is_me, rank, listed
    FROM placed
    WHERE abs(place - (SELECT place FROM placed WHERE is_me ORDER BY place LIMIT 1)) <= :around
    ORDER BY place"""

ME = """
    SELECT subject_id, amount, members, name, org_code, org_name, measure, is_me, rank, listed
    FROM ranked WHERE is_me ORDER BY rank, subject_id LIMIT 1"""


def ranked(earned: str, *, of_people: bool) -> str:
    """Every row of a board with its rank, from who `earned` what."""
    return f"WITH RECURSIVE {earned}, {PEOPLE_ROWS if of_people else GROUP_ROWS}, {RANKED}"
