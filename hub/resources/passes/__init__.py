"""Passes: who may enter, from which day to which, and what became of each."""
