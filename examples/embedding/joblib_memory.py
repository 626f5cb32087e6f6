"""joblib's Memory in an artifact store: a cache that several machines share.

    pip install -e ".[joblib,tables]"
    python examples/embedding/joblib_memory.py artifacts

Run it twice: the second time, nothing is computed.
"""

import sys

import pandas as pd
from joblib import Memory

from aqueduct_core.adapters.joblib import register

register()
memory = Memory(sys.argv[1], backend="aqueduct", verbose=0)


@memory.cache
def customers(count: int) -> pd.DataFrame:
    print("computing")
    return pd.DataFrame({"id": pd.array(range(count), "Int64"), "city": ["Oslo"] * count})


if __name__ == "__main__":
    first, again = customers(3), customers(3)
    pd.testing.assert_frame_equal(first, again)
    print(len(again), "customers")
