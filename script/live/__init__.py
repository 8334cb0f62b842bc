"""A real Home Assistant with Sound Guard in it: what `script/run` starts and the end-to-end tests drive."""
