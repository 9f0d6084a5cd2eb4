"""Documents of students: certificates, letters, copies of cards."""
