"""Values of scientific libraries, one file per library. Nothing is imported before its value is met."""
