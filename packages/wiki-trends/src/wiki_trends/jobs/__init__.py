"""The main job and its parts, the maintenance of the lake, the doctor, and the demo."""
