"""Dialogues: domain and stories to trackers, states, and the prepared examples TED learns from."""
