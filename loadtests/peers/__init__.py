"""The usual way to build the same thing, for `make bench` to measure ours against."""
