"""Vocabulary and rules, pure and synchronous: no network, no database, no clock."""
