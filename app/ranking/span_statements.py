"""The one statement behind `spans`, put together from its parts."""

from app.ranking.live_statements import ALIAS

# Booked in either span: rules' awards, less reversals.
BOOKED = """
    booked AS (
        SELECT t.id, t.evidence, t.village_id, t.unit_id, account.person_id,
            CASE WHEN t.reverses_id IS NULL THEN t.amount ELSE -t.amount END AS amount,
            t.local_day >= :since AND t.local_day < :until AS within,
            t.local_day >= :since_beside AND t.local_day < :until_beside AS beside
        FROM transfer t JOIN account
            ON account.id = CASE WHEN t.reverses_id IS NULL THEN t.credit_id ELSE t.debit_id END
        WHERE t.rule_id IS NOT NULL AND t.unit = :unit
            AND (t.local_day >= :since AND t.local_day < :until
                OR t.local_day >= :since_beside AND t.local_day < :until_beside))"""

# A reversal's evidence is what it reverses, a reinstatement's the reversal: the way back leads to
# what was really done, and that to the version it was done with. Prior learning has no platform.
FILTERED = """
    walked AS (
        SELECT id, evidence FROM booked
        UNION ALL
        SELECT walked.id, earlier.evidence FROM walked JOIN transfer earlier ON earlier.id =
            CASE WHEN walked.evidence LIKE 'transfer:%'
                THEN cast(substr(walked.evidence, 10) AS bigint) END),
    taught AS (
        SELECT walked.id FROM walked
        JOIN study ON study.id = CASE WHEN walked.evidence LIKE 'study:%'
            THEN cast(substr(walked.evidence, 7) AS bigint) END
        JOIN lesson_version v ON v.id = study.version_id
        WHERE (cast(:platform AS text) IS NULL OR v.platform = :platform)
            AND (cast(:audience AS text) IS NULL OR cast(:audience AS text) = ANY(v.audience))
        UNION ALL
        SELECT walked.id FROM walked
        JOIN attendance ON attendance.id = CASE WHEN walked.evidence LIKE 'attendance:%'
            THEN cast(substr(walked.evidence, 12) AS bigint) END
        JOIN activity ON activity.id = attendance.activity_id
        WHERE cast(:audience AS text) IS NULL AND activity.platform = :platform),
    moved AS (SELECT booked.* FROM booked WHERE id IN (SELECT id FROM taught))"""

UNFILTERED = """
    moved AS (SELECT * FROM booked)"""

SUMMED = """coalesce(sum(amount) FILTER (WHERE within), 0)::bigint AS amount,
            coalesce(sum(amount) FILTER (WHERE beside), 0)::bigint AS before"""

PEOPLE = f"""
    earned AS (
        SELECT coalesce(alias.kept, moved.person_id) AS person_id, {SUMMED}
        FROM moved LEFT JOIN alias ON alias.id = moved.person_id GROUP BY 1),
    branch AS (
        SELECT person.id AS subject_id, person.name, home.code, home.name AS place,
            coalesce(earned.amount, 0) AS amount, coalesce(earned.before, 0) AS before,
            1::bigint AS members, (coalesce(earned.amount, 0) > 0)::int::bigint AS learners,
            person.erased_at IS NULL AND person.merged_into_id IS NULL AND (:everyone
                OR person.rank_visible AND (earned.amount > 0 OR earned.before > 0)) AS shown
        FROM person LEFT JOIN earned ON earned.person_id = person.id
        LEFT JOIN organisation home ON home.id = coalesce(person.org_id, person.unit_id)
        WHERE :root AND person.org_id IS NULL AND person.unit_id IS NULL OR EXISTS (
            SELECT FROM organisation own WHERE own.id IN (person.org_id, person.unit_id)
                AND own.lineage @> ARRAY[cast(:org AS bigint)])),
    whole AS (SELECT coalesce(sum(amount), 0)::bigint AS whole,
        coalesce(sum(before), 0)::bigint AS whole_before FROM branch),
    standing AS (SELECT * FROM branch WHERE shown)"""


BY_VILLAGE, BY_UNIT = "moved.village_id", "moved.unit_id"
# A town's are those of its villages and, of who named no village, of its units.
BY_TOWN = """(SELECT town.id FROM organisation own JOIN organisation town
            ON town.kind = 'town' AND town.id = ANY(own.lineage)
            WHERE own.id = coalesce(moved.village_id, moved.unit_id) LIMIT 1)"""


def _groups(stamp: str, membership: str) -> str:
    """By what was stamped with them; members belong today, or did when the board was frozen."""
    return f"""
    share AS (
        SELECT {stamp} AS org_id, coalesce(alias.kept, moved.person_id) AS person_id, {SUMMED}
        FROM moved LEFT JOIN alias ON alias.id = moved.person_id GROUP BY 1, 2),
    whole AS (
        SELECT coalesce(sum(amount), 0)::bigint AS whole,
            coalesce(sum(before), 0)::bigint AS whole_before
        FROM share LEFT JOIN organisation o ON o.id = share.org_id
        WHERE :root AND o.id IS NULL OR o.lineage @> ARRAY[cast(:org AS bigint)]),
    belonging AS (
        SELECT o.id, count(person.id) AS members FROM organisation o
        LEFT JOIN organisation home ON home.lineage @> ARRAY[o.id]
        LEFT JOIN person ON {membership} = home.id
            AND person.merged_into_id IS NULL AND person.erased_at IS NULL
        WHERE o.kind = ANY(:kinds) AND o.lineage @> ARRAY[cast(:org AS bigint)] GROUP BY o.id),
    standing AS (
        SELECT o.id AS subject_id, o.name, o.code, parent.name AS place,
            coalesce(sum(share.amount), 0)::bigint AS amount,
            coalesce(sum(share.before), 0)::bigint AS before,
            coalesce(frozen.members, belonging.members) AS members,
            count(*) FILTER (WHERE share.amount > 0) AS learners
        FROM belonging JOIN organisation o ON o.id = belonging.id
        LEFT JOIN organisation parent ON parent.id = o.parent_id
        LEFT JOIN share ON share.org_id = o.id
        LEFT JOIN frozen_row frozen ON frozen.subject_id = o.id
            AND frozen.ranking_id = cast(:frozen_id AS bigint)
        GROUP BY o.id, parent.name, frozen.members, belonging.members)"""


SOURCES = {
    "people": PEOPLE,
    "towns": _groups(BY_TOWN, "coalesce(person.org_id, person.unit_id)"),
    "villages": _groups(BY_VILLAGE, "person.org_id"),
    "units": _groups(BY_UNIT, "person.unit_id"),
    "schools": _groups(BY_UNIT, "person.unit_id"),
}

# Half up, as the boards round.
RANKED = """
    measured AS (
        SELECT standing.*, coalesce(floor((2 * amount + members)::numeric
            / nullif(2 * members, 0)), 0)::bigint AS per_member FROM standing),
    ranked AS (
        SELECT measured.*, rank() OVER (
            ORDER BY CASE WHEN :mean THEN per_member ELSE amount END DESC) AS rank
        FROM measured),
    sums AS (
        SELECT count(*) AS all_rows, coalesce(sum(amount), 0) AS all_amount,
            coalesce(sum(before), 0) AS all_before, coalesce(sum(members), 0) AS all_members,
            coalesce(sum(learners), 0) AS all_learners FROM standing)"""

SORTS = {
    "amount": "amount",
    "per_member": "per_member",
    "members": "members",
    "learners": "learners",
    "before": "before",
    "change": "(amount - before)",
    "place": "code",
}


def statement_of(of: str, *, filtered: bool, order: str) -> str:
    """The sums beside every row; a page beyond the last is one row of sums alone.

    `order` is one of SORTS with its direction, never a reader's own words.
    """
    return f"""
    WITH RECURSIVE {ALIAS}, {BOOKED}, {FILTERED if filtered else UNFILTERED}, {SOURCES[of]},
        {RANKED},
    page AS (
        SELECT *, row_number() OVER (ORDER BY {order} NULLS LAST, subject_id) AS place_in_page
        FROM ranked ORDER BY place_in_page OFFSET :offset LIMIT :limit)
    SELECT sums.*, whole.*, page.* FROM sums CROSS JOIN whole LEFT JOIN page ON true
    ORDER BY place_in_page"""
