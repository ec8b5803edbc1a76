"""Visitors of the rehearsed platform: many shoppers while a web server is lost, and a browser that looks at the pages.

Neither is part of `make test`: they need libraries of an environment of their own, and one of them measures times.
"""
