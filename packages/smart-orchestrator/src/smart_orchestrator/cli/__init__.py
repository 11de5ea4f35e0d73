"""The `smart-orchestrator` command: parse, call, print."""
