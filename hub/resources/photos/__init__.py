"""Photos of students: one by one, and many at once from a ZIP."""
