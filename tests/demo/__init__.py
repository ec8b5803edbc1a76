"""The demo and the presentation: recorded from docs/demo.md, and made into slides from the release's own figures."""
