"""Writers of results, a module for each kind of them: files of a directory, and lines on stdout."""
