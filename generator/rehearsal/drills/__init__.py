"""Drills: something is destroyed in a rehearsed environment, and brought back as the runbook says (D10, D17, W7).

Each drill says what was lost and how long it took, and fails where more is lost than the objectives allow.
"""
