"""The runbook, `runbook.md`, as data: pages, the commands on them, and what a deployed environment fills in."""
