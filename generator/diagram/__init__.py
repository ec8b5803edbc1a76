"""The architecture drawing: what a release becomes, as pages that draw.io opens and people present.

From the resolved stacks (`facts`) each page decides its own layout, asks for connections, and the router finds their
ways between icons and labels. Nothing here reads a template: sizes, counts, addresses and ports come from the release.
"""
