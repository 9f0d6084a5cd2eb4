"""What happened at the doors, as people read it; and what people add: entries by hand, annulments."""
