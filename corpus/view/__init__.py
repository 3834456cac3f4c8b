"""Look into a finished corpus in a browser: a page on this machine, which changes nothing."""
