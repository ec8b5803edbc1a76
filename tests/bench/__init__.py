"""How fast the generator is, beside what it is compared with: `python -m tests.bench`, the command `make bench`."""
