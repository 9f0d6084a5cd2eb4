"""What takes longer than a second, by id."""
