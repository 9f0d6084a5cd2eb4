"""What can be allowed."""
