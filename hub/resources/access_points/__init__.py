"""Doors, and the keys of the readers at them."""
