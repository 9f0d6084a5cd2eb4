"""What all HTTP routes share: the shell around each handler, errors as JSON, health."""
