"""When runs went on that were retried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aqueduct_core.tracking._types import Time

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of runs that were retried before it isn't known."""
    op.add_column("runs", sa.Column("resumed", Time(), nullable=True))
