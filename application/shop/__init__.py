"""The sample application: a small shop, to be replaced by one's own (application/README.md)."""
