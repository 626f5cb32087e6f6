"""How fast the store is, against the fastest thing there could be and against its peers.

`python -m benchmarks.run --quick` prints the table; `make bench-full` measures everything and renews
the figures of the documentation.
"""
