"""Identify the language of posts: what the filter ``language`` and those that need one share."""
