"""Rules of published networks as changes of a model."""
