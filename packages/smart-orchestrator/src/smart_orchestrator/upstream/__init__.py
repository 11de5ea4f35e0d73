"""Ask the upstream whether it has a key, remember the answers, and derive from them which keys are expected."""
