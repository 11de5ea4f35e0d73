"""`python -m smart_orchestrator` is `smart-orchestrator`."""

from smart_orchestrator.cli.app import main

main()
