"""Run by Alembic: the connection comes from `aqueduct_core.tracking._schema`."""

from __future__ import annotations

from alembic import context

from aqueduct_core.tracking._schema import VERSION_TABLE
from aqueduct_core.tracking._tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite can't change most things of a table that is there
)
with context.begin_transaction():
    context.run_migrations()
