"""Gates on released templates. They read files as data and know nothing of how these were made."""
