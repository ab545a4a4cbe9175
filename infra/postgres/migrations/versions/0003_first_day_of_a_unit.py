"""A unit's first day is kept: it decides nothing, but belongs to the fact (S2, S9)."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column; known units have none until they are heard of again."""
    op.execute("ALTER TABLE unit ADD COLUMN first_day date")


def downgrade() -> None:
    """Nothing but the day is lost."""
    op.execute("ALTER TABLE unit DROP COLUMN first_day")
