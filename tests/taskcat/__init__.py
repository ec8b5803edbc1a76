"""The regional integration test: taskcat deploys the release to test regions, and the account is left as it was.

Two interpreters share the work, because taskcat's libraries are older than the project's. The project's own runs
`python -m tests.taskcat`, prepares each region and cleans up; taskcat's runs pytest over `test_*.py` of this folder.
"""
