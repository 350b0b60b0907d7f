"""Regular expressions and lookup tables in the graph: which stretches of a text they match."""
