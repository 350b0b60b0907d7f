"""Predicted tags to entities in the graph, as `data_pipeline.entities` does in Python."""
