"""Verdict → screens."""
