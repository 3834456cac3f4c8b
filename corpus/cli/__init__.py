"""The command line: one module for each group of commands.

``app`` lists the commands with examples, ``main`` runs one and sets the exit status.
"""
