"""The configuration file `smart-orchestrator.toml`: its values, and how they are read and checked."""
