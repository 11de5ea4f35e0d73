"""The documented scripts and functions of the previous system."""
