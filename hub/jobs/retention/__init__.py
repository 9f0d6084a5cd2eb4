"""What is older than anybody wants it goes: every night, in small transactions, school by school; docs/privacy.md."""
