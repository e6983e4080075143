"""Databases of the run's throw-away PostgreSQL: a new one, or one emptied and used again."""

import os
import secrets
from dataclasses import dataclass

import psycopg
from psycopg import sql

TEMPLATE, VARIABLE = "shoushan_template", "SHOUSHAN_TEST_DATABASE_URL"
USES_MAX = 60
"""After so many tests the dead rows cost more than a new database."""

KEEP_SEEDS = """
create schema seed;
do $$ declare t text; filled boolean; begin
  for t in select tablename from pg_tables where schemaname = 'public' loop
    execute format('select exists (select from public.%I)', t) into filled;
    if filled then execute format('create table seed.%I as table public.%I', t, t); end if;
  end loop;
  create table seed."sequence" as
    select sequencename, start_value, last_value from pg_sequences where schemaname = 'public';
end $$
"""
EMPTY = """
set session_replication_role = replica;  -- no guards, no foreign keys: all of it goes
do $$ declare t text; filled boolean; begin
  for t in select tablename from pg_tables where schemaname = 'public' loop
    execute format('select exists (select from public.%I)', t) into filled;
    if filled then execute format('delete from public.%I', t); end if;
    if to_regclass(format('seed.%I', t)) is not null then
      execute format('insert into public.%I overriding system value table seed.%I', t, t);
    end if;
  end loop;
  perform setval(format('public.%I', sequencename)::regclass, coalesce(last_value, start_value),
                 last_value is not null)
    from seed."sequence";
end $$
"""
ALONE = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""


def database_url(name: str) -> str:
    return os.environ[VARIABLE].format(database=name)


def administer(statement: sql.Composed) -> None:
    with psycopg.connect(database_url("postgres"), autocommit=True) as connection:
        connection.execute(statement)


def create_from_template() -> str:
    """A new database's name."""
    name = f"own_{secrets.token_hex(6)}"
    administer(
        # By files: three times as fast as by log, without fsync.
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(TEMPLATE)
        )
    )
    return name


def drop(name: str) -> None:
    administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass
class Reused:
    """One database for the tests of a process, one after the other."""

    name: str | None = None
    uses: int = 0

    def lend(self) -> str:
        """Its name, as empty as the migrations made it."""
        if self.name is not None and self.uses >= USES_MAX:
            self.close()
        if self.name is None:
            self.name, self.uses = create_from_template(), 0
            with psycopg.connect(database_url(self.name), autocommit=True) as connection:
                connection.execute(KEEP_SEEDS)
        else:
            with psycopg.connect(database_url(self.name), autocommit=True) as connection:
                # Whoever a killed test left behind would hold its locks.
                connection.execute(ALONE)
                connection.execute(EMPTY)
        self.uses += 1
        return self.name

    def close(self) -> None:
        if self.name is not None:
            drop(self.name)
            self.name = None
