"""The installation knows which secret its patients' keys are made with, so that a start with another one is noticed."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the column; the next start fills it."""
    op.execute("ALTER TABLE installation ADD COLUMN key_fingerprint bytea")


def downgrade() -> None:
    """Nothing but the check is lost."""
    op.execute("ALTER TABLE installation DROP COLUMN key_fingerprint")
