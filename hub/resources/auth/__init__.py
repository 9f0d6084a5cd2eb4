"""Signing in and out, second factors, and what arrives by mail."""
