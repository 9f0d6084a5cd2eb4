"""What guards have seen to, and what the next shift has to know."""
