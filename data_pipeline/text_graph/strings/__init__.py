"""Strings in the graph: lines of characters, what Python says of them, and looking them up."""
