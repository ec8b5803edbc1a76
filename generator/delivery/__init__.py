"""What runs against AWS: publishing a release, deploying it, bootstrapping accounts, reviewing a change."""
