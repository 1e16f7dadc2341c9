"""The compiler. In: a model file and a configuration. Out: a program, a mapping, a report."""
