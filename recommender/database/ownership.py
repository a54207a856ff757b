"""PostgreSQL: whose our tables are, and whose code runs when a night writes them.

A trigger, a rule, a default, a constraint, a policy or an index that calls a function calls it with the
rights of whoever writes the table. So each table, and all that it depends on, must belong to somebody who
could act for us or for the shop anyway: ourselves; a role whose rights we have; whoever has the rights of the
schema's owner or of the database's owner, as superusers do; whoever has the rights of all owners of what
sales.sql reads.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from recommender.database.base import Meddler

_CATALOGUE = {
    name: f"'pg_catalog.pg_{name}'::regclass::oid"
    for name in ("class", "proc", "type", "operator", "trigger", "rewrite", "attrdef", "constraint", "policy")
}
# Functions by their full names, and operators for just these types: any other could be somebody's own of the
# same name. A superuser has the rights of every role, so having them does not make a role one of ours.
_REACHED = sa.text(
    """
WITH RECURSIVE me AS (
    SELECT oid, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user
), here AS (
    SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
), named AS (
    SELECT wanted.is_ours, c.oid, c.relowner, n.nspowner, n.nspacl, n.nspname
    FROM unnest(CAST(:schemas AS name[]), CAST(:names AS name[]), CAST(:are_ours AS boolean[]))
        AS wanted (schema, name, is_ours)
    JOIN pg_catalog.pg_class AS c ON c.relname = wanted.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE CASE WHEN wanted.schema IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
        ELSE n.nspname = wanted.schema END
), reached (class, oid, by_class, by_oid) AS (
    SELECT {class}, oid, 0::oid, 0::oid FROM named WHERE is_ours
    UNION
    SELECT next.class, next.oid, r.class, r.oid FROM reached AS r CROSS JOIN LATERAL (
        -- what it uses
        SELECT refclassid AS class, refobjid AS oid FROM pg_catalog.pg_depend
        WHERE classid = r.class AND objid = r.oid AND r.class <> {proc}
        AND refclassid IN ({proc}, {operator}, {type})
        UNION ALL
        -- what is a part of it, or inherits from it
        SELECT classid, objid FROM pg_catalog.pg_depend
        WHERE refclassid = r.class AND refobjid = r.oid AND (
            r.class = {class} AND classid = {class}
            OR r.class IN ({class}, {type}) AND deptype IN ('a', 'i')
            AND classid IN ({trigger}, {rewrite}, {attrdef}, {constraint}, {policy})
        )
    ) AS next
)
SELECT what.type, what.identity, via.type AS via_type, via.identity AS via,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.owner)::text) AS owner,
    o.owner = me.oid
    OR NOT me.rolsuper AND pg_catalog.pg_has_role(me.oid, o.owner, 'USAGE'::text)
    OR pg_catalog.pg_has_role(o.owner, here.datdba, 'USAGE'::text)
    OR EXISTS (
        SELECT FROM named WHERE is_ours AND pg_catalog.pg_has_role(o.owner, nspowner, 'USAGE'::text)
    )
    OR (
        SELECT pg_catalog.bool_and(pg_catalog.pg_has_role(o.owner, relowner, 'USAGE'::text))
        FROM named WHERE NOT is_ours
    ) IS TRUE AS is_known
FROM reached AS r CROSS JOIN me CROSS JOIN here
LEFT JOIN pg_catalog.pg_class AS c ON r.class = {class} AND c.oid = r.oid
LEFT JOIN pg_catalog.pg_proc AS p ON r.class = {proc} AND p.oid = r.oid
LEFT JOIN pg_catalog.pg_type AS t ON r.class = {type} AND t.oid = r.oid AND t.typtype = 'd'
CROSS JOIN LATERAL (SELECT COALESCE(c.relowner, p.proowner, t.typowner) AS owner) AS o
CROSS JOIN LATERAL pg_catalog.pg_identify_object(r.class, r.oid, 0) AS what
CROSS JOIN LATERAL pg_catalog.pg_identify_object(NULLIF(r.by_class, 0::oid), r.by_oid, 0) AS via
WHERE o.owner IS NOT NULL OR r.class IN ({trigger}, {rewrite})
UNION ALL
SELECT 'schema'::text, pg_catalog.quote_ident(nspname::text), NULL, NULL, pg_catalog.quote_ident(
    pg_catalog.pg_get_userbyid(
        CASE pg_catalog.pg_get_userbyid(nspowner) WHEN 'pg_database_owner'::name THEN datdba ELSE nspowner END
    )::text
), NOT pg_catalog.bool_or(EXISTS (
    SELECT FROM pg_catalog.aclexplode(nspacl) WHERE grantee = 0::oid AND privilege_type = 'CREATE'::text
))
FROM named CROSS JOIN here WHERE is_ours GROUP BY nspname, nspowner, datdba
""".format_map(_CATALOGUE)
)

_BY_NAME = ("table", "view", "materialized view", "foreign table", "trigger", "rule", "policy", "index")
"""What DROP takes by the name that PostgreSQL gives it here."""


def meddlers(
    connection: sa.Connection,
    tables: Sequence[tuple[str | None, str]],
    shop: Sequence[tuple[str | None, str]],
) -> Iterator[Meddler]:
    """Who else has a hand in our tables.

    Args:
        connection: to the target, as the user who writes them.
        tables: schema (None for where the connection looks) and name of each table of ours that may be there.
        shop: the same of the tables that sales.sql reads in this database.
    """
    wanted = [*tables, *shop]
    found = connection.execute(
        _REACHED,
        {
            "schemas": [schema for schema, _ in wanted],
            "names": [name for _, name in wanted],
            "are_ours": [True] * len(tables) + [False] * len(shop),
        },
    )
    rows = sorted(found, key=lambda row: (row.via or "", row.identity))
    keepers = [row.owner for row in rows if row.type == "schema"]
    for row in rows:
        what, via = _Thing(row.type, row.identity), _Thing(row.via_type, row.via)
        if what.kind == "schema":
            if not row.is_known:
                yield Meddler(
                    f"everybody may make tables, functions and operators in the {what}",
                    f"REVOKE CREATE ON SCHEMA {what.name} FROM PUBLIC; or give our tables a schema of their"
                    " own, such as TARGET_SCHEMA=recommend.",
                )
        elif row.is_known is False:
            belongs = (
                f"the {what} belongs to"
                if via.name is None
                else f"the {via} uses the {what}, which belongs to"
            )
            unwanted = what if via.kind in (None, "table") else via
            yield Meddler(
                f"{belongs} {row.owner}",
                f"{unwanted.dropped}, or take it over by ALTER {str(what.kind).upper()} {what.name} OWNER TO"
                f" {keepers[0]}",
                is_stranger=True,
            )
        elif what.kind in ("trigger", "rule") and via.kind == "table":
            used = [other for other in rows if (other.via_type, other.via) == what]
            runs = " and ".join(f"{_Thing(other.type, other.identity)} of {other.owner}" for other in used)
            yield Meddler(
                f"there is a {what}" + (f", which runs the {runs}" if runs else ""),
                f"If it is not yours: {what.dropped}.",
            )


class _Thing(NamedTuple):
    """Something in the catalogue, by PostgreSQL's own words; all None for nothing."""

    kind: str | None
    name: str | None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def dropped(self) -> str:
        """The statement that drops it, or its name where one statement does not."""
        return f"DROP {str(self.kind).upper()} {self.name}" if self.kind in _BY_NAME else str(self)
