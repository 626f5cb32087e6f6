"""Tags of workflows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aqueduct_core.tracking._types import Tags

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Workflows have none until they are published again."""
    op.add_column("flows", sa.Column("tags", Tags(), nullable=True))
