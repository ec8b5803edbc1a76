"""Reports on releases and upgrades, for people and for programs: they read what the checks found and decide nothing."""
