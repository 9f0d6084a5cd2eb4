"""The change of a school year: filters of students promoted, graduated or deactivated, in one go, once confirmed."""
