"""Models of speech to text of many tasks, such as OWSM."""
