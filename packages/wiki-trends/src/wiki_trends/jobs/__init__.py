"""The main job and its parts, maintenance, doctor, demo."""
