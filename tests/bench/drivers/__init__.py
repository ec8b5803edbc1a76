"""What some subjects of the comparison run, each in a process of its own."""
