"""The compiler's commands. In: parsed options. Out: files, and what is printed.

Their modules import nothing heavy before a command runs, so that help is printed at once.
"""
