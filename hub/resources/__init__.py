"""One folder a CRUD resource."""
