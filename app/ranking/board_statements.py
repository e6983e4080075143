"""Reading a board from the tables of `folding`, and from the notes that are not in them yet."""

from app.ranking.fold_statements import WIDE

PERSON = "SELECT id, merged_into_id, erased_at, rank_visible, org_id, unit_id FROM person"
# OFFSET 0 keeps the planner from reading everybody for the few.
# Everybody of whom a note lies there, the asker, and whoever is one with them: as they stand now.
FRESH = f"""
    noted AS (
        SELECT person_id, sum(amount) AS amount FROM rank_booking
        WHERE unit = :unit AND local_day >= :from_day AND local_day < :to_day
            AND person_id IS NOT NULL GROUP BY 1),
    -- Who is listed and has not changed only moves up or down by the note.
    scored AS MATERIALIZED (
        SELECT person_id AS id, noted.amount, coalesce(score.placed, 0) AS placed,
            score.scopes @> ARRAY[cast(:scope AS bigint)] AS belongs
        FROM noted LEFT JOIN LATERAL (SELECT placed, scopes FROM rank_score
            WHERE board_id = :board AND person_id = noted.person_id OFFSET 0) score ON true),
    up AS (
        SELECT person.* FROM (
            SELECT id FROM scored WHERE placed = 0
            UNION SELECT person_id FROM rank_change WHERE person_id IS NOT NULL
            UNION SELECT cast(:me AS bigint)) asked
        CROSS JOIN LATERAL ({PERSON} WHERE id = asked.id OFFSET 0) person
        UNION SELECT kept.* FROM up
        CROSS JOIN LATERAL ({PERSON} WHERE id = up.merged_into_id OFFSET 0) kept),
    self AS (
        SELECT id AS kept, id FROM up
        UNION ALL SELECT self.kept, merged.id FROM self CROSS JOIN LATERAL (
            SELECT id FROM person WHERE merged_into_id = self.id OFFSET 0) merged),
    -- FULL only keeps the planner, who expects one note and finds hundreds, from comparing each
    -- with each.
    summed AS (
        SELECT kept AS id, sum(coalesce(score.amount, 0) + coalesce(noted, 0))::bigint AS amount,
            max(score.placed) FILTER (WHERE one.id = kept
                AND score.scopes @> ARRAY[cast(:scope AS bigint)]) AS placed
        FROM (SELECT self.kept, self.id, scored.amount AS noted
            FROM self FULL JOIN scored ON scored.id = self.id OFFSET 0) one
        LEFT JOIN LATERAL (SELECT amount, placed, scopes FROM rank_score
            WHERE board_id = :board AND person_id = one.id OFFSET 0) score ON true
        WHERE kept IS NOT NULL GROUP BY 1),
    fresh AS MATERIALIZED (
        SELECT up.id, -summed.amount AS minus, -summed.placed AS minus_was,
            belongs AND up.rank_visible AS listed, belongs AND up.id = :me AS is_me
        FROM summed JOIN up ON up.id = summed.id
        CROSS JOIN LATERAL (
            SELECT summed.amount > 0 AND up.merged_into_id IS NULL AND up.erased_at IS NULL
                AND (:scope = 0 OR EXISTS (
                    SELECT FROM organisation own WHERE own.id IN (up.org_id, up.unit_id)
                        AND own.lineage @> ARRAY[cast(:scope AS bigint)])) AS belongs) place
        UNION ALL
        SELECT id, -(placed + amount)::bigint, CASE WHEN belongs THEN -placed END,
            belongs AND placed + amount > 0, false
        FROM scored WHERE placed > 0 AND id NOT IN (SELECT id FROM up))"""


def _listed(where: str, order: str, limit: str) -> str:
    """Some of those listed: from the tables, but whoever is fresh as they stand now."""
    return f"""
        SELECT minus, id FROM (
            (SELECT minus, id
            FROM (SELECT board_id, org_id, minus, person_id AS id FROM rank_place) place
            WHERE board_id = :board AND org_id = :scope AND {where}
                AND id <> ALL (ARRAY(SELECT fresh.id FROM fresh))
            ORDER BY {order} LIMIT {limit})
            UNION ALL
            SELECT minus, id FROM fresh WHERE listed AND {where}) listed
        ORDER BY {order} LIMIT {limit}"""


MINE = "(SELECT minus FROM fresh WHERE is_me)"
ELSE = "id <> :me"

# `part`: whom it is shown among. `above` and `equal`: how many listed ones have more, or the same;
# known of the first of each part only, from which the others' ranks follow.
BOARD_OF_PEOPLE = f"""
    WITH RECURSIVE {FRESH},
    page AS ({_listed("{after}", "minus, id", ":limit")}),
    over AS ({_listed(f"minus <= {MINE} AND {ELSE}", "minus DESC, id DESC", ":around")}),
    under AS ({_listed(f"minus > {MINE} AND {ELSE}", "minus, id", ":around")}),
    shown AS (
        SELECT 'page' AS part, 0 AS step, minus, id, true AS listed FROM page
        UNION ALL SELECT 'me', 0, minus, id, listed FROM fresh WHERE is_me
        UNION ALL SELECT 'near', 0, minus, id, true FROM over
        UNION ALL SELECT 'near', 1, minus, id, listed FROM fresh WHERE is_me AND :around > 0
        UNION ALL SELECT 'near', 2, minus, id, true FROM under),
    counted AS MATERIALIZED (
        SELECT one.part, placed.above + fresh_ones.above AS above,
            placed.equal + fresh_ones.equal AS equal
        FROM (SELECT part, min(minus) AS minus FROM shown GROUP BY part) one
        CROSS JOIN LATERAL (
            SELECT
                coalesce((SELECT sum(persons) FROM rank_count WHERE board_id = :board
                    AND org_id = :scope AND width = {WIDE}
                    AND bucket > -one.minus / {WIDE}), 0)
                + coalesce((SELECT sum(persons) FROM rank_count WHERE board_id = :board
                    AND org_id = :scope AND width = 1 AND bucket > -one.minus
                    AND bucket < (-one.minus / {WIDE} + 1) * {WIDE}), 0) AS above,
                coalesce((SELECT persons FROM rank_count WHERE board_id = :board
                    AND org_id = :scope AND width = 1
                    AND bucket = -one.minus), 0) AS equal
            ) placed
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE listed AND fresh.minus < one.minus)
                    - count(*) FILTER (WHERE minus_was < one.minus) AS above,
                count(*) FILTER (WHERE listed AND fresh.minus = one.minus)
                    - count(*) FILTER (WHERE minus_was = one.minus) AS equal
            FROM fresh) fresh_ones)
    SELECT shown.part, shown.id AS subject_id, -shown.minus AS amount,
        -shown.minus AS measure, 1::bigint AS members, shown.listed, person.name,
        home.code AS org_code, home.name AS org_name, shown.id = :me AS is_me,
        counted.above::bigint AS above, counted.equal::bigint AS equal
    FROM shown JOIN counted USING (part)
    CROSS JOIN LATERAL (
        SELECT name, org_id, unit_id FROM person WHERE id = shown.id OFFSET 0) person
    LEFT JOIN LATERAL (SELECT code, name FROM organisation
        WHERE id = coalesce(person.org_id, person.unit_id) OFFSET 0) home ON true
    ORDER BY shown.part, shown.minus, shown.step, shown.id"""
# A cursor's bounds stand in the index's own terms, so that a page costs the same wherever it is.
FIRST_PAGE = BOARD_OF_PEOPLE.replace("{after}", "true")
FURTHER_PAGE = BOARD_OF_PEOPLE.replace("{after}", "(minus, id) > (-:after, :after_id)")


def groups(side: str) -> str:
    """`earned` of villages or units, as `queries.LIVE` computes it."""
    return f"""
    named AS (
        SELECT org_id, sum(members) AS members FROM (
            SELECT org_id, members FROM rank_member WHERE side = '{side}'
            UNION ALL SELECT org_id, members FROM rank_change WHERE side = '{side}') one
        GROUP BY 1),
    belonging AS (
        SELECT above.id, sum(named.members) AS members
        FROM named JOIN organisation home ON home.id = named.org_id
        CROSS JOIN LATERAL unnest(home.lineage) AS above (id) GROUP BY 1),
    stamped AS (
        SELECT org_id, sum(amount) AS amount FROM (
            SELECT org_id, amount FROM rank_group WHERE board_id = :board AND side = '{side}'
            UNION ALL SELECT {side}_id, amount FROM rank_booking
            WHERE unit = :unit AND local_day >= :from_day AND local_day < :to_day) one
        GROUP BY 1),
    earned AS (
        SELECT o.id AS subject_id, coalesce(stamped.amount, 0)::bigint AS amount,
            coalesce(belonging.members, 0)::bigint AS members
        FROM organisation o LEFT JOIN stamped ON stamped.org_id = o.id
        LEFT JOIN belonging ON belonging.id = o.id WHERE o.kind = ANY(:kinds))"""
