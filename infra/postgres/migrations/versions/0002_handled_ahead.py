"""Commands handled before their turn, beside a large file."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

TABLE = """
CREATE TABLE handled_ahead (
    topic text,
    partition integer,
    record_offset bigint,
    PRIMARY KEY (topic, partition, record_offset)
)
"""
COMMENT = "COMMENT ON TABLE handled_ahead IS 'Records beyond consumer_offset.next_offset that are handled already'"


def upgrade() -> None:
    """Makes the table."""
    op.execute(TABLE)
    op.execute(COMMENT)


def downgrade() -> None:
    """A record that was handled ahead would be handled again: only for a database at rest."""
    op.execute("DROP TABLE handled_ahead")
