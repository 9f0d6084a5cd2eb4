"""Templates of passes: what passes of a kind have in common."""
