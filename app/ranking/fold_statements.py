"""The statements behind `folding`: each takes, in one snapshot, what it adds up."""

WIDE = 256
"""So many amounts share a row of RankCount: a rank adds up some hundred rows at most."""

# Weeks are ISO weeks, as in `clock.period_of`.
PERIODS_OF_DAY = """(VALUES
        ('day', {day}), ('week', date_trunc('week', {day}::timestamp)::date),
        ('month', date_trunc('month', {day}::timestamp)::date),
        ('year', date_trunc('year', {day}::timestamp)::date), ('all', DATE '2000-01-01')
    ) AS span (period, from_day)"""

NEW_BOARDS = f"""
    INSERT INTO rank_board (unit, period, from_day)
    SELECT DISTINCT b.unit, span.period, span.from_day
    FROM (SELECT DISTINCT unit, local_day FROM rank_booking) b
    CROSS JOIN LATERAL {PERIODS_OF_DAY.format(day="b.local_day")}
    WHERE NOT EXISTS (SELECT FROM rank_board known WHERE known.unit = b.unit
        AND known.period = span.period AND known.from_day = span.from_day)"""

# A booking whose boards are not there yet came after the statement above, and waits.
TAKE_BOOKINGS = f"""
    WITH taken AS (
        DELETE FROM rank_booking WHERE id IN (
            SELECT b.id FROM rank_booking b JOIN rank_board
                ON rank_board.unit = b.unit AND period = 'day' AND from_day = b.local_day
            ORDER BY b.id LIMIT :limit)
        RETURNING unit, local_day, person_id, amount, village_id, unit_id),
    spread AS (
        SELECT rank_board.id AS board_id, taken.* FROM taken
        CROSS JOIN LATERAL {PERIODS_OF_DAY.format(day="taken.local_day")}
        JOIN rank_board ON rank_board.unit = taken.unit
            AND rank_board.period = span.period AND rank_board.from_day = span.from_day),
    grouped AS (
        INSERT INTO rank_group AS kept (board_id, side, org_id, amount)
        SELECT board_id, side, org_id, sum(amount) FROM spread CROSS JOIN LATERAL
            (VALUES ('village', village_id), ('unit', spread.unit_id)) AS stamp (side, org_id)
        WHERE org_id IS NOT NULL GROUP BY 1, 2, 3
        ON CONFLICT (board_id, side, org_id) DO UPDATE SET amount = kept.amount + excluded.amount),
    scored AS (
        INSERT INTO rank_score AS kept (board_id, person_id, amount)
        SELECT board_id, person_id, sum(amount) FROM spread
        WHERE person_id IS NOT NULL GROUP BY 1, 2
        ON CONFLICT (board_id, person_id) DO UPDATE SET amount = kept.amount + excluded.amount
        RETURNING board_id, person_id)
    SELECT (SELECT count(*) FROM taken) AS taken,
        (SELECT array_agg(board_id) FROM scored) AS boards,
        (SELECT array_agg(person_id) FROM scored) AS persons"""

TAKE_CHANGES = """
    WITH taken AS (
        DELETE FROM rank_change WHERE id IN (SELECT id FROM rank_change ORDER BY id LIMIT :limit)
        RETURNING person_id, side, org_id, members),
    counted AS (
        INSERT INTO rank_member AS kept (side, org_id, members)
        SELECT side, org_id, sum(members) FROM taken WHERE side IS NOT NULL GROUP BY 1, 2
        ON CONFLICT (side, org_id) DO UPDATE SET members = kept.members + excluded.members)
    SELECT (SELECT count(*) FROM taken) AS taken,
        (SELECT array_agg(DISTINCT person_id) FROM taken) AS persons"""

# OFFSET 0 keeps the planner from reading everybody for the few.
# Every board that somebody of these, or of those they are one with, has earned anything on.
PAIRS_OF_PERSONS = """
    up AS (
        SELECT unnest(cast(:persons AS bigint[])) AS id
        UNION
        SELECT kept.id FROM up CROSS JOIN LATERAL (
            SELECT merged_into_id AS id FROM person
            WHERE person.id = up.id AND merged_into_id IS NOT NULL OFFSET 0) kept),
    below AS (
        SELECT id AS person_id, id FROM up
        UNION
        SELECT below.person_id, merged.id FROM below CROSS JOIN LATERAL (
            SELECT id FROM person WHERE merged_into_id = below.id OFFSET 0) merged),
    pair AS (
        SELECT DISTINCT rank_score.board_id, below.person_id
        FROM below CROSS JOIN LATERAL (
            SELECT board_id FROM rank_score WHERE person_id = below.id OFFSET 0) rank_score)"""

PAIRS_OF_BOOKINGS = """
    booked AS (
        SELECT * FROM unnest(cast(:boards AS bigint[]), cast(:persons AS bigint[]))
            AS one (board_id, person_id)),
    up AS (
        SELECT board_id, person_id FROM booked
        UNION
        SELECT up.board_id, kept.id FROM up CROSS JOIN LATERAL (
            SELECT merged_into_id AS id FROM person
            WHERE person.id = up.person_id AND merged_into_id IS NOT NULL OFFSET 0) kept),
    pair AS (SELECT board_id, person_id FROM up)"""

SETTLE = """,
    self AS (
        SELECT DISTINCT person_id AS kept, person_id AS id FROM pair
        UNION ALL
        SELECT self.kept, merged.id FROM self CROSS JOIN LATERAL (
            SELECT id FROM person WHERE merged_into_id = self.id OFFSET 0) merged),
    summed AS (
        SELECT pair.board_id, pair.person_id, sum(rank_score.amount)::bigint AS amount
        FROM pair JOIN self ON self.kept = pair.person_id
        CROSS JOIN LATERAL (SELECT amount FROM rank_score
            WHERE board_id = pair.board_id AND person_id = self.id OFFSET 0) rank_score
        GROUP BY 1, 2),
    fresh AS (
        SELECT board_id, person_id, amount AS placed,
            ARRAY(SELECT DISTINCT unnest(array_append(own.lineage, 0::bigint)) ORDER BY 1) AS scopes
        FROM summed CROSS JOIN LATERAL (
            SELECT * FROM person WHERE id = summed.person_id OFFSET 0) person
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(one.id), '{}') AS lineage FROM organisation o
            CROSS JOIN LATERAL unnest(o.lineage) AS one (id)
            WHERE o.id IN (person.org_id, person.unit_id)) own
        WHERE amount > 0 AND person.rank_visible
            AND person.merged_into_id IS NULL AND person.erased_at IS NULL),
    differing AS (
        SELECT pair.board_id, pair.person_id,
            coalesce(fresh.placed, 0) AS placed, coalesce(fresh.scopes, '{}') AS scopes,
            coalesce(was.placed, 0) AS placed_was, coalesce(was.scopes, '{}') AS scopes_were
        FROM pair LEFT JOIN fresh USING (board_id, person_id)
        LEFT JOIN LATERAL (SELECT placed, scopes FROM rank_score
            WHERE board_id = pair.board_id AND person_id = pair.person_id OFFSET 0) was ON true
        WHERE (coalesce(fresh.placed, 0), coalesce(fresh.scopes, '{}'))
            IS DISTINCT FROM (coalesce(was.placed, 0), coalesce(was.scopes, '{}'))),
    gone AS (
        SELECT board_id, unnest(scopes_were) AS org_id, -placed_was AS minus, person_id
        FROM differing),
    made AS (
        SELECT board_id, unnest(scopes) AS org_id, -placed AS minus, person_id FROM differing),
    -- By their places in the table, which nobody else writes: joined to it, the planner expects so
    -- many that it reads all of it.
    removed AS (
        DELETE FROM rank_place WHERE ctid = ANY (ARRAY(
            SELECT place.ctid FROM (SELECT * FROM gone EXCEPT SELECT * FROM made) left_it
            CROSS JOIN LATERAL (SELECT ctid FROM rank_place
                WHERE board_id = left_it.board_id AND org_id = left_it.org_id
                    AND minus = left_it.minus AND person_id = left_it.person_id
                OFFSET 0) place))),
    added AS (
        INSERT INTO rank_place (board_id, org_id, minus, person_id)
        SELECT board_id, org_id, minus, person_id
        FROM (SELECT * FROM made EXCEPT SELECT * FROM gone) came ORDER BY 1, 2, 3, 4),
    counted AS (
        INSERT INTO rank_count AS kept (board_id, org_id, width, bucket, persons)
        SELECT board_id, org_id, width, -minus / width, sum(change) FROM (
            SELECT board_id, org_id, minus, 1 AS change FROM made
            UNION ALL SELECT board_id, org_id, minus, -1 FROM gone) moved
        CROSS JOIN (VALUES (1), (%WIDE%)) AS widths (width)
        GROUP BY 1, 2, 3, 4 HAVING sum(change) <> 0 ORDER BY 1, 2, 3, 4
        ON CONFLICT (board_id, org_id, width, bucket)
            DO UPDATE SET persons = kept.persons + excluded.persons)
    INSERT INTO rank_score AS kept (board_id, person_id, amount, placed, scopes)
    SELECT board_id, person_id, 0, placed, scopes FROM differing
    ON CONFLICT (board_id, person_id)
        DO UPDATE SET placed = excluded.placed, scopes = excluded.scopes""".replace(
    "%WIDE%", str(WIDE)
)


def settle(pairs: str) -> str:
    """Show every pair where it belongs now; what is the same stays untouched."""
    return f"WITH RECURSIVE {pairs}{SETTLE}"


# One statement and so one snapshot: what it adds up is what it forgets the notes of.
ADD_ALL_UP = f"""
    WITH noted AS (DELETE FROM rank_booking),
    changed AS (DELETE FROM rank_change),
    daily AS MATERIALIZED (
        SELECT t.unit, t.local_day, account.person_id, t.village_id, t.unit_id,
            sum(CASE WHEN t.reverses_id IS NULL THEN t.amount ELSE -t.amount END)::bigint AS amount
        FROM transfer t JOIN account
            ON account.id = CASE WHEN t.reverses_id IS NULL THEN t.credit_id ELSE t.debit_id END
        WHERE t.rule_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5),
    board AS (
        INSERT INTO rank_board (unit, period, from_day)
        SELECT days.unit, span.period, span.from_day
        FROM (SELECT DISTINCT unit, local_day FROM daily) days
        CROSS JOIN LATERAL {PERIODS_OF_DAY.format(day="days.local_day")}
        UNION SELECT unit, period, from_day FROM frozen_ranking WHERE board = 'people'
        RETURNING id, unit, period, from_day),
    spread AS (
        SELECT board.id AS board_id, frozen.id AS frozen_id, daily.* FROM daily
        CROSS JOIN LATERAL {PERIODS_OF_DAY.format(day="daily.local_day")}
        JOIN board ON board.unit = daily.unit
            AND board.period = span.period AND board.from_day = span.from_day
        LEFT JOIN frozen_ranking frozen ON frozen.board = 'people' AND frozen.unit = board.unit
            AND frozen.period = board.period AND frozen.from_day = board.from_day),
    grouped AS (
        INSERT INTO rank_group (board_id, side, org_id, amount)
        SELECT board_id, side, org_id, sum(amount) FROM spread CROSS JOIN LATERAL
            (VALUES ('village', village_id), ('unit', spread.unit_id)) AS stamp (side, org_id)
        WHERE org_id IS NOT NULL GROUP BY 1, 2, 3),
    counted AS (
        INSERT INTO rank_member (side, org_id, members)
        SELECT side, named.org_id, count(*) FROM person CROSS JOIN LATERAL
            (VALUES ('village', person.org_id), ('unit', person.unit_id)) AS named (side, org_id)
        WHERE named.org_id IS NOT NULL AND merged_into_id IS NULL AND erased_at IS NULL
        GROUP BY 1, 2),
    summed AS (
        SELECT board_id, person_id, sum(amount)::bigint AS amount FROM (
            SELECT board_id, person_id, amount FROM spread
            WHERE person_id IS NOT NULL AND frozen_id IS NULL
            UNION ALL
            SELECT board.id AS board_id, kept_row.subject_id AS person_id, kept_row.amount
            FROM frozen_ranking frozen
            JOIN frozen_row kept_row ON kept_row.ranking_id = frozen.id
            JOIN board ON frozen.board = 'people' AND board.unit = frozen.unit
                AND board.period = frozen.period AND board.from_day = frozen.from_day) every
        GROUP BY 1, 2),
    scope AS MATERIALIZED (
        SELECT home, work, ARRAY(
            SELECT 0::bigint UNION SELECT unnest(lineage) FROM organisation
            WHERE id IN (home, work) ORDER BY 1) AS scopes
        FROM (SELECT DISTINCT coalesce(org_id, 0) AS home, coalesce(unit_id, 0) AS work
            FROM person) place),
    -- Of whom somebody else is part, more is to be added up: `settle` does that afterwards.
    listed AS (
        SELECT person.id AS person_id, scope.scopes FROM person
        JOIN scope ON home = coalesce(org_id, 0) AND work = coalesce(unit_id, 0)
        WHERE rank_visible AND merged_into_id IS NULL AND erased_at IS NULL AND NOT EXISTS (
            SELECT FROM person part WHERE part.merged_into_id = person.id))
    INSERT INTO rank_score (board_id, person_id, amount, placed, scopes)
    SELECT board_id, person_id, amount,
        CASE WHEN amount > 0 AND scopes IS NOT NULL THEN amount ELSE 0 END,
        CASE WHEN amount > 0 AND scopes IS NOT NULL THEN scopes ELSE '{{}}' END
    FROM summed LEFT JOIN listed USING (person_id) ORDER BY 1, 2"""

PLACE_ALL = """
    INSERT INTO rank_place (board_id, org_id, minus, person_id)
    SELECT board_id, unnest(scopes), -placed, person_id FROM rank_score WHERE placed > 0
    ORDER BY 1, 2, 3, 4"""
COUNT_ALL = f"""
    INSERT INTO rank_count (board_id, org_id, width, bucket, persons)
    SELECT board_id, org_id, width, -minus / width, count(*) FROM rank_place
    CROSS JOIN (VALUES (1), ({WIDE})) AS widths (width) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
MERGED = "SELECT id FROM person WHERE merged_into_id IS NOT NULL"

# What was frozen is what counts: of an account that was merged by then, with whom it was kept.
KEEP_FROZEN = """
    INSERT INTO rank_score AS kept (board_id, person_id, amount)
    SELECT :board, coalesce(score.person_id, kept_row.subject_id), coalesce(kept_row.amount, 0)
    FROM (SELECT person_id, amount FROM rank_score WHERE board_id = :board) score
    FULL JOIN (SELECT subject_id, amount FROM frozen_row WHERE ranking_id = :frozen) kept_row
        ON kept_row.subject_id = score.person_id
    WHERE coalesce(score.amount, 0) <> coalesce(kept_row.amount, 0)
    ON CONFLICT (board_id, person_id) DO UPDATE SET amount = excluded.amount
    RETURNING person_id"""
