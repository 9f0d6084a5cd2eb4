"""Students as a file: CSV or XLSX, as many as there are, a few rows in memory at a time."""
