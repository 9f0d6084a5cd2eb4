"""Students: who they are, their passes, what is held about them, and how it is forgotten."""
