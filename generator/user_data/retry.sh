#!/bin/bash
# Packages, mount targets and AWS APIs may take a moment to answer a server that has just got its network.

readonly ATTEMPTS=15
readonly PAUSE_SECONDS=6

retry() {
    local attempt
    for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
        if "$@"; then
            return 0
        fi
        echo "Attempt $attempt of $ATTEMPTS failed: $*"
        sleep "$PAUSE_SECONDS"
    done
    return 1
}
