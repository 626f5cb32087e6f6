"""Can't be imported."""

raise ImportError("libthing.so.3: cannot open shared object file")
