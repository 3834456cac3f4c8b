"""Write demo dumps: invented posts in the forms of real platforms."""
