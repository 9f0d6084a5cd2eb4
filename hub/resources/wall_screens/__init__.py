"""Screens on walls, which somebody has let in."""
