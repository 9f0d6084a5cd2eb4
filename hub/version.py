"""The version, in the one place that the build, `passhub --version` and /health read."""

__version__ = "0.1.0"
