"""What the release's alarms and scaling policies do under load, in a discrete-event simulation (W7, W8, E12, D16).

`design` reads the figures out of the resolved release, `facts` says what AWS adds to them, `simulation` lets a trace of
`traces` run against both, `claims` hold the outcome to the requirements, `report` and `pictures` show it.
"""
