"""Write demo dumps: invented posts in the forms of real platforms."""

from corpus.demo.write_demo import FILES, write

__all__ = ["FILES", "write"]
