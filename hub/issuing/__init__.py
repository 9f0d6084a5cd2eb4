"""Making passes: the keys that sign codes, and pictures of codes."""
