"""How data is brought back on AWS: the procedures of the runbook, step by step, for operators and for drills.

Each works on what a deployed environment has, puts data where CloudFormation knows it, and replaces no resource of a
stack. Recovery points and objectives are those of docs/recovery.md (D10).
"""
