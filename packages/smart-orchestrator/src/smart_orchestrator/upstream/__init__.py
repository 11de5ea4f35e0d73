"""Ask the upstream whether it has a key, store the answers, and derive from the answers which keys are expected."""
