"""The documentation site: put together, built by either of two generators, and checked as a reader would meet it."""
