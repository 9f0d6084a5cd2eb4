"""Departments of a school."""
