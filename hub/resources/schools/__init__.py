"""Schools: their names, their time zones, and what they have set."""
