"""The keys that sign codes: which there are, a new one, and what to do about a stolen one (docs/signing-keys.md)."""
