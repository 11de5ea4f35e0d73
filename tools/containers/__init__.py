"""Run `compose.yaml` and the images in a real container engine (`make test-containers`)."""
