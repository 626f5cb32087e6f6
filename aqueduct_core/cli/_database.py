"""`aqueduct db`: looks after the database of workflows and runs."""

from __future__ import annotations

from argparse import Namespace

from aqueduct_core.cli._open import open_session
from aqueduct_core.cli._print import print_json
from aqueduct_core.tracking import upgrade as bring_up_to_date

__all__ = ["upgrade"]


def upgrade(options: Namespace) -> int:
    """Bring the tables up to date."""
    changed = bring_up_to_date(open_session(options).database)
    if options.json:
        print_json({"changed": changed})
    else:
        print("The tables are up to date now." if changed else "The tables were up to date.")
    return 0
