"""Faces: of a person what a guard needs, and no more."""
